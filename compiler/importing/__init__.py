"""The network as zcc sees it: few kinds of operation over tensors whose place in memory is known."""
