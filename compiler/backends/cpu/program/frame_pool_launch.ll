; The threads that share a frame, as machine code that every artifact carries. Here is how a loop is launched;
; frame_pool_work.ll has how threads take part in it, and frame_pool_wait.ll how they wait. The three are one source.
;
; Kernels hand their loops to a launcher, (task, closure, 0), and a task cuts its loop by its number and how many there are.
; They look for the launcher in a variable, which TVM would fill where it found it by name; here it is set already. A
; kernel's pieces are claimed, not assigned: whoever is awake takes the next one, the thread that runs the frame among
; them, so that it waits only for pieces that others have begun, and never for a thread that has yet to come.
;
; Each thread has a block of neighbouring pieces, which it takes first, since its caches hold what lies beside them from the
; kernel before; when its own is empty, it takes from the others'. Where these are many, and its own took but a moment, it
; first waits as long for the launch to end: a word that others have looked at is slower to claim by. So that blocks are
; alike, kernels say before a launch how many tasks it has: TVM's own cut of 80 among 64 pieces is two for each of the
; first 40, and nothing for the others.
;
; A block's claims are one word: the generation (which launch), the number of the next piece, and how many there are. A
; word of an older generation is a full block that nobody has touched yet; one of a newer generation tells a thread that
; woke late that there is nothing left for it.
;
; Where tasks need memory of their own, each thread has a strip of it, and only as many threads take part as there are strips.
; Workers may be in the code of another module: what they pass a task tells its module which strip is theirs.
;
; What a thread has done of a launch it says in a word of its own, which nobody else writes: with a common count, threads that
; end together would wait for one another. The owner looks at all of these words until they add up to the launch's pieces.
;
; A pool is memory of its owner's, zeroed, in lines of 64 bytes. runtime/frame_pool.py knows the offsets, too:
;     0 generation     (i32, a futex: workers await the next launch)      4 sleepers (i32, since the last wake-up)
;    64 news           (i32, a futex: grows with what is done while the owner sleeps)     68 waiting (i32, whether it does)
;   128 task, 136 closure, 144 environment (pointer, i32 pieces), 156 blocks, 160 pieces of each block, 164 failure,
;       168 threads that may take part
;   192 limit          (i32, a futex: threads that take part, the owner's among them; below 0: go home)
;   196 pieces for each thread at most (i32)   200 nanoseconds of looking before sleeping (i64)   208 nanoseconds slept (i64)
;   216 bytes from the claims to the words of what is done (i64)
;   256 + 64 n         claims of block n (i64)
;   further on + 64 n  pieces that thread n has done (i64: the generation, and how many)

; What the functions of this module get from Python are tvm_ffi's values, 16 bytes each: a kind, and behind 8 bytes the value.

@own = internal thread_local global ptr null
@strip = internal thread_local global i32 0   ; of the thread, while it runs pieces
@strips = internal thread_local global i32 0  ; that the next launch of the thread has, 0 where it needs none
@tasks = internal thread_local global i32 0   ; of that launch, 0 where nobody said
@__TVMBackendParallelLaunch = hidden constant ptr @launch

declare extern_weak i32 @TVMBackendParallelLaunch(ptr, ptr, i32)
declare i64 @syscall(i64, ...)
declare i32 @clock_gettime(i32, ptr)
declare ptr @llvm.threadlocal.address.p0(ptr)
declare i32 @llvm.umin.i32(i32, i32)
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

; And how many tasks it has.
define hidden i32 @{tasks}(i32 %tasks) nounwind {
  %place = call ptr @llvm.threadlocal.address.p0(ptr @tasks)
  store i32 %tasks, ptr %place
  ret i32 0
}

; What they launch by.
define internal i32 @launch(ptr %task, ptr %closure, i32 %wanted) {
  %record = alloca { ptr, ptr, i32, i32 }
  %tasks.at = call ptr @llvm.threadlocal.address.p0(ptr @tasks)
  %tasks = load i32, ptr %tasks.at
  store i32 0, ptr %tasks.at
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
  store ptr %task, ptr %record
  %record.closure = getelementptr i8, ptr %record, i64 8
  store ptr %closure, ptr %record.closure
  %record.most = getelementptr i8, ptr %record, i64 16
  store i32 %most, ptr %record.most
  br i1 %elsewhere, label %tvm, label %mine
tvm:
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
  %each.most = load i32, ptr %each.from
  %threads.over = sub i32 %threads, 1
  %tasks.rounded = add i32 %tasks, %threads.over
  %tasks.each = udiv i32 %tasks.rounded, %threads
  %each.few = call i32 @llvm.umin.i32(i32 %tasks.each, i32 %each.most)
  %unknown = icmp eq i32 %tasks, 0
  %each = select i1 %unknown, i32 %each.most, i32 %each.few
  %pieces = mul i32 %threads, %each
  %task.at = getelementptr i8, ptr %pool, i64 128
  %closure.at = getelementptr i8, ptr %pool, i64 136
  %blocks.at = getelementptr i8, ptr %pool, i64 156
  %each.at = getelementptr i8, ptr %pool, i64 160
  %failure.at = getelementptr i8, ptr %pool, i64 164
  %news.at = getelementptr i8, ptr %pool, i64 64
  %waiting.at = getelementptr i8, ptr %pool, i64 68
  %sleepers.at = getelementptr i8, ptr %pool, i64 4
  %shares = call i32 @shares(i32 %tasks, i32 %pieces)
  %record.shares = getelementptr i8, ptr %record, i64 20
  store i32 %shares, ptr %record.shares
  store ptr @piece, ptr %task.at
  store ptr %record, ptr %closure.at
  store i32 %pieces, ptr %count.at
  store i32 0, ptr %failure.at
  %most.at = getelementptr i8, ptr %pool, i64 168
  store atomic i32 %most, ptr %most.at monotonic, align 4
  store atomic i32 %each, ptr %each.at monotonic, align 4
  store atomic i32 %threads, ptr %blocks.at release, align 4
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
  %patience.at = getelementptr i8, ptr %pool, i64 200
  %patience = load i64, ptr %patience.at
  %over = call i1 @look_for_end(ptr %pool, i32 %threads, i32 %generation, i32 %pieces, i64 %patience)
  br i1 %over, label %end, label %sleep
sleep:  ; so that a thread which the system put aside may have this processor
  store atomic i32 1, ptr %waiting.at seq_cst, align 4
  %news = load atomic i32, ptr %news.at seq_cst, align 4
  %late = call i1 @ended(ptr %pool, i32 %threads, i32 %generation, i32 %pieces)
  br i1 %late, label %awake, label %rest
rest:
  %begin = call i64 @now()
  call void @await(ptr %news.at, i32 %news)
  %stop = call i64 @now()
  %slept = sub i64 %stop, %begin
  %slept.at = getelementptr i8, ptr %pool, i64 208
  %before = load i64, ptr %slept.at
  %sum = add i64 %before, %slept
  store i64 %sum, ptr %slept.at
  %enough = call i1 @ended(ptr %pool, i32 %threads, i32 %generation, i32 %pieces)
  br i1 %enough, label %awake, label %sleep
awake:
  store atomic i32 0, ptr %waiting.at monotonic, align 4
  br label %end
end:
  %failure = load atomic i32, ptr %failure.at monotonic, align 4
  ret i32 %failure
}

; In how many equal shares a launch of so many tasks is cut: a task each, or, of many, several, since each costs a call.
define internal i32 @shares(i32 %tasks, i32 %pieces) nounwind {
  %unknown = icmp eq i32 %tasks, 0
  br i1 %unknown, label %of.tvm, label %cut
of.tvm:
  ret i32 %pieces
cut:
  %most = mul i32 %pieces, {shares_of_a_piece}
  %over = sub i32 %most, 1
  %sum = add i32 %tasks, %over
  %each = udiv i32 %sum, %most
  %each.over = sub i32 %each, 1
  %rounded = add i32 %tasks, %each.over
  %shares = udiv i32 %rounded, %each
  ret i32 %shares
}

; A piece of a launch: its shares, one after another. Its thread tells in the environment, where TVM has a pointer of its
; own, which strip it has.
define internal i32 @piece(i32 %number, ptr %environment, ptr %record) {
  %strip.wide = load i64, ptr %environment
  %strip = trunc i64 %strip.wide to i32
  %strip.at = call ptr @llvm.threadlocal.address.p0(ptr @strip)
  store i32 %strip, ptr %strip.at
  %task = load ptr, ptr %record
  %closure.at = getelementptr i8, ptr %record, i64 8
  %closure = load ptr, ptr %closure.at
  %shares.at = getelementptr i8, ptr %record, i64 20
  %shares = load i32, ptr %shares.at
  %own = alloca { ptr, i32 }
  store ptr null, ptr %own
  %own.count = getelementptr i8, ptr %own, i64 8
  store i32 %shares, ptr %own.count
  %pieces.at = getelementptr i8, ptr %environment, i64 8
  %pieces = load i32, ptr %pieces.at
  %first = call i32 @part(i32 %shares, i32 %number, i32 %pieces)
  %after = add i32 %number, 1
  %end = call i32 @part(i32 %shares, i32 %after, i32 %pieces)
  br label %next
next:
  %share = phi i32 [ %first, %0 ], [ %share.next, %run ]
  %some = icmp ult i32 %share, %end
  br i1 %some, label %run, label %done
run:
  %code = call i32 %task(i32 %share, ptr %own, ptr %closure)
  %share.next = add i32 %share, 1
  %failed = icmp ne i32 %code, 0
  br i1 %failed, label %fail, label %next
fail:
  ret i32 %code
done:
  ret i32 0
}

; The first share of a piece.
define internal i32 @part(i32 %shares, i32 %number, i32 %pieces) nounwind {
  %shares.wide = zext i32 %shares to i64
  %number.wide = zext i32 %number to i64
  %pieces.wide = zext i32 %pieces to i64
  %product = mul i64 %shares.wide, %number.wide
  %part.wide = udiv i64 %product, %pieces.wide
  %part = trunc i64 %part.wide to i32
  ret i32 %part
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
