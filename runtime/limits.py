"""How much a file from elsewhere may claim, and why so much. What claims more is refused before memory is taken for it.

All sizes are in bytes. Every limit is several times what the largest detectors need, and small enough that a refusal is
quick and takes little memory.
"""

from __future__ import annotations

KB, MB, GB = 1 << 10, 1 << 20, 1 << 30

# A manifest of the largest YOLOs has 60 KB; one with the names of 21,841 classes of ImageNet still fits.
MANIFEST = 1 * MB
# Of a bundle, with every manifest in it: dozens of variants. The table of its members is bounded by it, too.
INDEX = 4 * MB
# In one JSON document of those. A value takes up to 120 bytes of memory, however few it has in the file.
JSON_VALUES = 500_000
# A signature with its statement has 3 KB; of one artifact there are as many as keys that sign.
ENVELOPE = 64 * KB
ENVELOPES = 256
# A policy has a dozen numbers.
POLICY = 1 * MB
# The labels of COCO's 118,287 training pictures have 470 MB.
LABELS = 1 * GB
# Of one picture, as YOLO text: 100,000 boxes; and the names of its classes.
LABEL_FILE = 4 * MB
# 32,768 names of thirty letters.
CLASS_FILE = 1 * MB
# Of one kind, for one target: a form takes 1 KB, and a network some thousands of them.
RECORDS = 256 * MB
# What one protocol buffer, and so one ONNX file, can hold.
MODEL = 2 * GB - 1
# Values in it, each of which a reader makes an object of. YOLOs have 2,000 to 11,000.
MODEL_FIELDS = 100_000

# An artifact has three files; one for a GPU has a few more.
FILES = 64
# Files in a bundle: those of dozens of variants, and its index.
MEMBERS = 4096
# Of one file, and of all files of an artifact together. YOLOv8x in fp32 has 270 MB.
FILE = 4 * GB
ARTIFACT = 8 * GB
# TVM's runtime library: 3.4 MB, and 1 MB compressed.
RUNTIME_LIBRARY = 64 * MB
# Weights in memory, expanded: those of YOLOv8x, all of them for Winograd's kernels, have 1.5 GB.
WEIGHTS = 8 * GB
# Working memory of an entry point. YOLOv8x takes 150 MB for an input of 640 x 640.
WORKSPACE = 8 * GB
# What each thread works in beside that. Kernels are made to keep it in a core's cache.
THREAD_WORKSPACE = GB // 4

# Each side of the network's input; the compiler makes no larger one.
INPUT_SIDE = 8192
# The network's output: three scales of an input of 8192 x 8192 have 1.4 million candidates.
CANDIDATES = 2_000_000
OUTPUT_NUMBERS = 1 << 29
OUTPUT_AXES = 8
# Frames of a call.
BATCH = 256
# Detections that are kept of a frame; the compiler keeps no more.
DETECTIONS = 30_000
# Numbers of a detection beside its box: 133 keypoints of a whole body have 399.
DETAILS = 4096
# ImageNet has 21,841.
CLASSES = 32_768

# The largest cameras' pictures have 108 million pixels, which are 324 MB.
PICTURE_PIXELS = 120_000_000
PICTURE = 512 * MB

# One document of an OCI registry: registries take at least 4 MB, and a manifest of ours has 4 KB.
REMOTE_DOCUMENT = 4 * MB
# What one of them may list: variants, files, tags.
REMOTE_ENTRIES = 1024
# Tags of a repository, or repositories of a host, over all the pages that they come in.
REMOTE_LISTED = 100_000
