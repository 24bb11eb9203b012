; The threads that share a frame, as machine code that every artifact carries.
;
; Kernels hand their loops to a launcher, (task, closure, 0), and a task cuts its loop by its number and how many there are.
; They look for the launcher in a variable, which TVM would fill where it found it by name; here it is set already. A
; kernel's pieces are claimed, not assigned: whoever is awake takes the next one, the thread that runs the frame among
; them, so that it waits only for pieces that others have begun, and never for a thread that has yet to come.
;
; Each thread has a block of neighbouring pieces, which it takes first, since its caches hold what lies beside them from the
; kernel before; when its own is empty, it takes from the others'. A block's claims are one word: the generation (which
; launch), the number of the next piece, and how many there are. A word of an older generation is a full block that nobody
; has touched yet; one of a newer generation tells a thread that woke late that there is nothing left for it.
;
; Where tasks need memory of their own, each thread has a strip of it, and only as many threads take part as there are strips.
;
; A pool is memory of its owner's, zeroed, in lines of 64 bytes. runtime/frame_pool.py knows the offsets, too:
;     0 generation     (i32, a futex: workers await the next launch)      4 sleepers (i32, since the last wake-up)
;    64 pending        (i32, a futex: pieces that are not done)          68 waiting  (i32, whether the owner sleeps)
;   128 task, 136 closure, 144 environment (pointer, i32 pieces), 156 blocks, 160 pieces of each block, 164 failure,
;       168 threads that may take part
;   192 limit          (i32, a futex: threads that take part, the owner's among them; below 0: go home)
;   196 pieces for each thread (i32)   200 nanoseconds of looking before sleeping (i64)   208 nanoseconds slept (i64)
;   256 + 64 n         claims of block n (i64)

; What the functions of this module get from Python are tvm_ffi's values, 16 bytes each: a kind, and behind 8 bytes the value.

@own = internal thread_local global ptr null
@strip = internal thread_local global i32 0   ; of the thread, while it runs pieces
@strips = internal thread_local global i32 0  ; that the next launch of the thread has, 0 where it needs none
@__TVMBackendParallelLaunch = hidden constant ptr @launch

declare extern_weak i32 @TVMBackendParallelLaunch(ptr, ptr, i32)
declare i64 @syscall(i64, ...)
declare i32 @clock_gettime(i32, ptr)
declare ptr @llvm.threadlocal.address.p0(ptr)
declare void @{pause}({pause_type})

; (pool): from now on the pool shares what the calling thread launches of this module; until then TVM's does.
define i32 @__tvm_ffi_{join}(ptr %self, ptr %arguments, i32 %number, ptr %result) nounwind {
  %pool = call ptr @pointer(ptr %arguments)
  %place = call ptr @llvm.threadlocal.address.p0(ptr @own)
  store ptr %pool, ptr %place
  ret i32 0
}

; What kernels call within a task, to know the strip that is theirs.
define hidden i32 @{strip}() nounwind {
  %place = call ptr @llvm.threadlocal.address.p0(ptr @strip)
  %strip = load i32, ptr %place
  ret i32 %strip
}

; What they call before a launch whose tasks need strips, with how many there are.
define hidden i32 @{strips}(i32 %strips) nounwind {
  %place = call ptr @llvm.threadlocal.address.p0(ptr @strips)
  store i32 %strips, ptr %place
  ret i32 0
}

; What they launch by.
define internal i32 @launch(ptr %task, ptr %closure, i32 %wanted) {
  %strips.at = call ptr @llvm.threadlocal.address.p0(ptr @strips)
  %strips = load i32, ptr %strips.at
  store i32 0, ptr %strips.at
  %unbound = icmp eq i32 %strips, 0
  %most = select i1 %unbound, i32 2147483647, i32 %strips
  %place = call ptr @llvm.threadlocal.address.p0(ptr @own)
  %pool = load ptr, ptr %place
  %stranger = icmp eq ptr %pool, null
  %fixed = icmp ne i32 %wanted, 0
  %elsewhere = or i1 %stranger, %fixed
  br i1 %elsewhere, label %tvm, label %mine
tvm:
  %record = alloca { ptr, ptr, i32 }
  store ptr %task, ptr %record
  %record.closure = getelementptr i8, ptr %record, i64 8
  store ptr %closure, ptr %record.closure
  %record.most = getelementptr i8, ptr %record, i64 16
  store i32 %most, ptr %record.most
  %theirs = call i32 @TVMBackendParallelLaunch(ptr @task_of_tvm, ptr %record, i32 %wanted)
  ret i32 %theirs
mine:
  %limit.at = getelementptr i8, ptr %pool, i64 192
  %threads = load atomic i32, ptr %limit.at monotonic, align 4
  %environment = getelementptr i8, ptr %pool, i64 144
  %count.at = getelementptr i8, ptr %pool, i64 152
  %alone = icmp sle i32 %threads, 1
  br i1 %alone, label %whole, label %share
whole:
  %strip.at = call ptr @llvm.threadlocal.address.p0(ptr @strip)
  store i32 0, ptr %strip.at
  store i32 1, ptr %count.at
  %only = call i32 %task(i32 0, ptr %environment, ptr %closure)
  ret i32 %only
share:
  %each.from = getelementptr i8, ptr %pool, i64 196
  %each = load i32, ptr %each.from
  %pieces = mul i32 %threads, %each
  %task.at = getelementptr i8, ptr %pool, i64 128
  %closure.at = getelementptr i8, ptr %pool, i64 136
  %blocks.at = getelementptr i8, ptr %pool, i64 156
  %each.at = getelementptr i8, ptr %pool, i64 160
  %failure.at = getelementptr i8, ptr %pool, i64 164
  %pending.at = getelementptr i8, ptr %pool, i64 64
  %waiting.at = getelementptr i8, ptr %pool, i64 68
  %sleepers.at = getelementptr i8, ptr %pool, i64 4
  store ptr %task, ptr %task.at
  store ptr %closure, ptr %closure.at
  store i32 %pieces, ptr %count.at
  store i32 0, ptr %failure.at
  %most.at = getelementptr i8, ptr %pool, i64 168
  store atomic i32 %most, ptr %most.at monotonic, align 4
  store atomic i32 %each, ptr %each.at monotonic, align 4
  store atomic i32 %threads, ptr %blocks.at release, align 4
  store atomic i32 %pieces, ptr %pending.at monotonic, align 4
  store atomic i32 0, ptr %waiting.at monotonic, align 4
  %last = load atomic i32, ptr %pool monotonic, align 4
  %generation = add i32 %last, 1
  store atomic i32 %generation, ptr %pool seq_cst, align 4
  %sleepers = load atomic i32, ptr %sleepers.at seq_cst, align 4
  %asleep = icmp ne i32 %sleepers, 0
  br i1 %asleep, label %wake, label %work
wake:
  store atomic i32 0, ptr %sleepers.at monotonic, align 4
  call void @wake(ptr %pool, i32 2147483647)
  br label %work
work:
  call void @take_part(ptr %pool, i32 0, i32 %generation)
  br label %await
await:
  %left = load atomic i32, ptr %pending.at acquire, align 4
  %done = icmp eq i32 %left, 0
  br i1 %done, label %end, label %look
look:
  %after = call i32 @look(ptr %pool, ptr %pending.at, i32 %left)
  %moved = icmp ne i32 %after, %left
  br i1 %moved, label %await, label %sleep
sleep:  ; so that a thread which the system put aside may have this processor
  store atomic i32 1, ptr %waiting.at seq_cst, align 4
  %still = load atomic i32, ptr %pending.at seq_cst, align 4
  %late = icmp eq i32 %still, 0
  br i1 %late, label %end, label %rest
rest:
  %begin = call i64 @now()
  call void @await(ptr %pending.at, i32 %still)
  %stop = call i64 @now()
  %slept = sub i64 %stop, %begin
  %slept.at = getelementptr i8, ptr %pool, i64 208
  %before = load i64, ptr %slept.at
  %sum = add i64 %before, %slept
  store i64 %sum, ptr %slept.at
  br label %await
end:
  %failure = load atomic i32, ptr %failure.at monotonic, align 4
  ret i32 %failure
}

; A task among TVM's threads, whose numbers are those of their strips.
define internal i32 @task_of_tvm(i32 %number, ptr %environment, ptr %record) {
  %task = load ptr, ptr %record
  %closure.at = getelementptr i8, ptr %record, i64 8
  %closure = load ptr, ptr %closure.at
  %most.at = getelementptr i8, ptr %record, i64 16
  %most = load i32, ptr %most.at
  %tasks.at = getelementptr i8, ptr %environment, i64 8
  %tasks = load i32, ptr %tasks.at
  %few = icmp slt i32 %tasks, %most
  %count = select i1 %few, i32 %tasks, i32 %most
  %some = icmp slt i32 %number, %count
  br i1 %some, label %run, label %end
run:
  %strip.at = call ptr @llvm.threadlocal.address.p0(ptr @strip)
  store i32 %number, ptr %strip.at
  %own = alloca { ptr, i32 }
  store ptr null, ptr %own
  %own.count = getelementptr i8, ptr %own, i64 8
  store i32 %count, ptr %own.count
  %code = call i32 %task(i32 %number, ptr %own, ptr %closure)
  ret i32 %code
end:
  ret i32 0
}

; (pool, index): the life of a worker, 1 or more; it ends when the pool is stopped.
define i32 @__tvm_ffi_{work}(ptr %self, ptr %arguments, i32 %number, ptr %result) {
  %pool = call ptr @pointer(ptr %arguments)
  %index = call i32 @integer(ptr %arguments, i64 1)
  %limit.at = getelementptr i8, ptr %pool, i64 192
  %sleepers.at = getelementptr i8, ptr %pool, i64 4
  br label %await
await:
  %seen = phi i32 [ 0, %0 ], [ %generation, %join ], [ %generation, %rest ]
  %after = call i32 @look(ptr %pool, ptr %pool, i32 %seen)
  %soon = icmp ne i32 %after, %seen
  br i1 %soon, label %begin, label %sleep
sleep:
  %sleepers = atomicrmw add ptr %sleepers.at, i32 1 seq_cst
  call void @await(ptr %pool, i32 %seen)
  %woken = load atomic i32, ptr %pool acquire, align 4
  %called = icmp ne i32 %woken, %seen
  br i1 %called, label %begin, label %sleep
begin:
  %generation = load atomic i32, ptr %pool acquire, align 4
  %limit = load atomic i32, ptr %limit.at acquire, align 4
  %stopped = icmp slt i32 %limit, 0
  br i1 %stopped, label %end, label %choose
choose:
  %wanted = icmp slt i32 %index, %limit
  br i1 %wanted, label %join, label %rest
join:
  call void @take_part(ptr %pool, i32 %index, i32 %generation)
  br label %await
rest:
  call void @await(ptr %limit.at, i32 %limit)
  br label %await
end:
  ret i32 0
}

; (pool, threads, room): so many take part from the next launch on, of at most `room`; below 0, workers go home. Not during
; a launch.
define i32 @__tvm_ffi_{limit}(ptr %self, ptr %arguments, i32 %number, ptr %result) nounwind {
  %pool = call ptr @pointer(ptr %arguments)
  %threads = call i32 @integer(ptr %arguments, i64 1)
  %room = call i32 @integer(ptr %arguments, i64 2)
  %limit.at = getelementptr i8, ptr %pool, i64 192
  %last = load atomic i32, ptr %pool monotonic, align 4
  %generation = add i32 %last, 1
  %wide = zext i32 %generation to i64
  %empty = shl i64 %wide, 32  ; no piece of none: nothing for those who come late
  br label %mark
mark:
  %block = phi i32 [ 0, %0 ], [ %next, %mark ]
  %claims = call ptr @claims(ptr %pool, i32 %block)
  store atomic i64 %empty, ptr %claims seq_cst, align 8
  %next = add i32 %block, 1
  %more = icmp ult i32 %next, %room
  br i1 %more, label %mark, label %tell
tell:
  store atomic i32 %threads, ptr %limit.at seq_cst, align 4
  store atomic i32 %generation, ptr %pool seq_cst, align 4
  call void @wake(ptr %limit.at, i32 2147483647)
  call void @wake(ptr %pool, i32 2147483647)
  ret i32 0
}

define internal ptr @pointer(ptr %arguments) nounwind {
  %value = getelementptr i8, ptr %arguments, i64 8
  %pointer = load ptr, ptr %value
  ret ptr %pointer
}

define internal i32 @integer(ptr %arguments, i64 %number) nounwind {
  %argument = getelementptr { i64, i64 }, ptr %arguments, i64 %number
  %value = getelementptr i8, ptr %argument, i64 8
  %wide = load i64, ptr %value
  %integer = trunc i64 %wide to i32
  ret i32 %integer
}

; Claim and run pieces of a launch until there are none.
define internal void @take_part(ptr %pool, i32 %self, i32 %generation) {
  %blocks.at = getelementptr i8, ptr %pool, i64 156
  %each.at = getelementptr i8, ptr %pool, i64 160
  %environment = getelementptr i8, ptr %pool, i64 144
  %task.at = getelementptr i8, ptr %pool, i64 128
  %closure.at = getelementptr i8, ptr %pool, i64 136
  %failure.at = getelementptr i8, ptr %pool, i64 164
  %pending.at = getelementptr i8, ptr %pool, i64 64
  %waiting.at = getelementptr i8, ptr %pool, i64 68
  %blocks = load atomic i32, ptr %blocks.at acquire, align 4
  %wide = zext i32 %generation to i64
  %stamped = shl i64 %wide, 32
  %strip.at = call ptr @llvm.threadlocal.address.p0(ptr @strip)
  store i32 %self, ptr %strip.at
  %most.at = getelementptr i8, ptr %pool, i64 168
  %most = load atomic i32, ptr %most.at monotonic, align 4
  %admitted = icmp slt i32 %self, %most
  br i1 %admitted, label %turn, label %end
turn:
  %turns = phi i32 [ 0, %0 ], [ %turns.next, %leave ]
  %done = phi i32 [ 0, %0 ], [ %done.here, %leave ]
  %all = icmp uge i32 %turns, %blocks
  br i1 %all, label %report, label %enter
enter:
  %place = add i32 %self, %turns
  %block = urem i32 %place, %blocks
  %claims = call ptr @claims(ptr %pool, i32 %block)
  br label %claim
claim:
  %done.here = phi i32 [ %done, %enter ], [ %done.here, %take ], [ %done.more, %succeed ]
  %word = load atomic i64, ptr %claims acquire, align 8
  %stamp.wide = lshr i64 %word, 32
  %stamp = trunc i64 %stamp.wide to i32
  %distance = sub i32 %stamp, %generation
  %late = icmp sgt i32 %distance, 0
  br i1 %late, label %report, label %count
count:
  %each.job = load atomic i32, ptr %each.at monotonic, align 4
  %low = trunc i64 %word to i32
  %next.word = lshr i32 %low, 16
  %each.word = and i32 %low, 65535
  %touched = icmp eq i32 %distance, 0
  %next = select i1 %touched, i32 %next.word, i32 0
  %each = select i1 %touched, i32 %each.word, i32 %each.job
  %some = icmp ult i32 %next, %each
  br i1 %some, label %take, label %leave
take:
  %next.more = add i32 %next, 1
  %next.high = shl i32 %next.more, 16
  %low.new = or i32 %next.high, %each
  %low.wide = zext i32 %low.new to i64
  %word.new = or i64 %stamped, %low.wide
  %swap = cmpxchg ptr %claims, i64 %word, i64 %word.new acq_rel acquire, align 8
  %claimed = extractvalue { i64, i1 } %swap, 1
  br i1 %claimed, label %run, label %claim
run:  ; the launch cannot end before this piece is reported, so that what it is holds still
  %task = load ptr, ptr %task.at
  %closure = load ptr, ptr %closure.at
  %first = mul i32 %block, %each
  %piece = add i32 %first, %next
  %code = call i32 %task(i32 %piece, ptr %environment, ptr %closure)
  %done.more = add i32 %done.here, 1
  %failed = icmp ne i32 %code, 0
  br i1 %failed, label %fail, label %succeed
fail:
  store atomic i32 %code, ptr %failure.at monotonic, align 4
  br label %succeed
succeed:
  br label %claim
leave:
  %turns.next = add i32 %turns, 1
  br label %turn
report:
  %done.all = phi i32 [ %done, %turn ], [ %done.here, %claim ]
  %none = icmp eq i32 %done.all, 0
  br i1 %none, label %end, label %tell
tell:
  %pending = atomicrmw sub ptr %pending.at, i32 %done.all seq_cst
  %last = icmp eq i32 %pending, %done.all
  br i1 %last, label %finish, label %end
finish:
  %waiting = load atomic i32, ptr %waiting.at seq_cst, align 4
  %asleep = icmp ne i32 %waiting, 0
  br i1 %asleep, label %wake, label %end
wake:
  call void @wake(ptr %pending.at, i32 1)
  br label %end
end:
  ret void
}

define internal ptr @claims(ptr %pool, i32 %block) nounwind {
  %wide = zext i32 %block to i64
  %offset = mul i64 %wide, 64
  %all = getelementptr i8, ptr %pool, i64 256
  %claims = getelementptr i8, ptr %all, i64 %offset
  ret ptr %claims
}

; The word as soon as it is another value, or this value after the pool's time of looking.
define internal i32 @look(ptr %pool, ptr %word, i32 %value) nounwind {
  %first = load atomic i32, ptr %word acquire, align 4
  %there = icmp ne i32 %first, %value
  br i1 %there, label %quick, label %begin
quick:
  ret i32 %first
begin:
  %patience.at = getelementptr i8, ptr %pool, i64 200
  %patience = load i64, ptr %patience.at
  %start = call i64 @now()
  br label %round
round:
  br label %again
again:
  %turn = phi i32 [ 0, %round ], [ %turn.next, %wait ]
  %found = load atomic i32, ptr %word acquire, align 4
  %changed = icmp ne i32 %found, %value
  br i1 %changed, label %end, label %wait
wait:
  call void @{pause}({pause_argument})
  %turn.next = add i32 %turn, 1
  %more = icmp ult i32 %turn.next, 16
  br i1 %more, label %again, label %clock
clock:
  %time = call i64 @now()
  %passed = sub i64 %time, %start
  %patient = icmp slt i64 %passed, %patience
  br i1 %patient, label %round, label %end
end:
  ret i32 %found
}

define internal i64 @now() nounwind {
  %time = alloca { i64, i64 }
  %code = call i32 @clock_gettime(i32 1, ptr %time)  ; monotonic
  %seconds = load i64, ptr %time
  %rest.at = getelementptr i8, ptr %time, i64 8
  %rest = load i64, ptr %rest.at
  %scaled = mul i64 %seconds, 1000000000
  %sum = add i64 %scaled, %rest
  ret i64 %sum
}

; Sleep while the word has the value, or until something else wakes the thread.
define internal void @await(ptr %word, i32 %value) nounwind {
  %code = call i64 (i64, ...) @syscall(i64 {futex}, ptr %word, i64 128, i32 %value, ptr null, ptr null, i32 0)
  ret void
}

define internal void @wake(ptr %word, i32 %most) nounwind {
  %code = call i64 (i64, ...) @syscall(i64 {futex}, ptr %word, i64 129, i32 %most, ptr null, ptr null, i32 0)
  ret void
}

!llvm.module.flags = !{!0}
!0 = !{i32 4, !"tvm_target", !"{target}"}
