; What the threads that share a frame do, behind frame_pool_launch.ll: a worker's life, and how pieces are claimed.

; (pool, index): the life of a worker, 1 or more; it ends when the pool is stopped.
define i32 @__tvm_ffi_{work}(ptr %self, ptr %arguments, i32 %number, ptr %result) {
  %pool = call ptr @pointer(ptr %arguments)
  %index = call i32 @integer(ptr %arguments, i64 1)
  %limit.at = getelementptr i8, ptr %pool, i64 192
  %sleepers.at = getelementptr i8, ptr %pool, i64 4
  br label %await
await:
  %seen = phi i32 [ 0, %0 ], [ %generation, %join ], [ %generation, %rest ]
  %patience.at = getelementptr i8, ptr %pool, i64 200
  %patience = load i64, ptr %patience.at
  %after = call i32 @look(ptr %pool, i32 %seen, i64 %patience)
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
  %task.at = getelementptr i8, ptr %pool, i64 128
  %closure.at = getelementptr i8, ptr %pool, i64 136
  %failure.at = getelementptr i8, ptr %pool, i64 164
  %news.at = getelementptr i8, ptr %pool, i64 64
  %waiting.at = getelementptr i8, ptr %pool, i64 68
  %blocks = load atomic i32, ptr %blocks.at acquire, align 4
  %wide = zext i32 %generation to i64
  %stamped = shl i64 %wide, 32
  %own = alloca { i64, i32 }
  %self.wide = zext i32 %self to i64
  store i64 %self.wide, ptr %own
  %own.count = getelementptr i8, ptr %own, i64 8
  %count.at = getelementptr i8, ptr %pool, i64 152
  %most.at = getelementptr i8, ptr %pool, i64 168
  %most = load atomic i32, ptr %most.at monotonic, align 4
  %done.at = call ptr @done(ptr %pool, i32 %self)
  %admitted = icmp slt i32 %self, %most
  br i1 %admitted, label %start, label %end
start:
  %many = icmp uge i32 %blocks, {many}
  br i1 %many, label %clock, label %ready
clock:
  %begun = call i64 @now()
  br label %ready
ready:
  %begin = phi i64 [ 0, %start ], [ %begun, %clock ]
  br label %turn
turn:
  %turns = phi i32 [ 0, %ready ], [ %turns.next, %further ], [ %turns.next, %timing ], [ %turns.next, %linger ]
  %done = phi i64 [ %stamped, %ready ], [ %done.known, %further ], [ %done.known, %timing ], [ %done.known, %linger ]
  %all = icmp uge i32 %turns, %blocks
  br i1 %all, label %end, label %enter
enter:
  %place = add i32 %self, %turns
  %block = urem i32 %place, %blocks
  %claims = call ptr @claims(ptr %pool, i32 %block)
  br label %claim
claim:
  %done.here = phi i64 [ %done, %enter ], [ %done.here, %take ], [ %done.more, %succeed ]
  %word = load atomic i64, ptr %claims acquire, align 8
  %stamp.wide = lshr i64 %word, 32
  %stamp = trunc i64 %stamp.wide to i32
  %distance = sub i32 %stamp, %generation
  %late = icmp sgt i32 %distance, 0  ; the launch ended, so that nothing is left to report either
  br i1 %late, label %end, label %count
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
  %pieces = load i32, ptr %count.at
  store i32 %pieces, ptr %own.count
  %code = call i32 %task(i32 %piece, ptr %own, ptr %closure)
  %done.more = add i64 %done.here, 1
  %failed = icmp ne i32 %code, 0
  br i1 %failed, label %fail, label %succeed
fail:
  store atomic i32 %code, ptr %failure.at monotonic, align 4
  br label %succeed
succeed:
  br label %claim
leave:
  %none = icmp eq i64 %done.here, %done
  br i1 %none, label %further, label %report
report:  ; before looking at other blocks, whose words lie in other cores' caches: the owner may wait for this alone
  store atomic i64 %done.here, ptr %done.at seq_cst, align 8
  %waiting = load atomic i32, ptr %waiting.at seq_cst, align 4
  %asleep = icmp ne i32 %waiting, 0
  br i1 %asleep, label %wake, label %further
wake:
  %news = atomicrmw add ptr %news.at, i32 1 seq_cst
  call void @wake(ptr %news.at, i32 1)
  br label %further
further:
  %done.known = phi i64 [ %done, %leave ], [ %done.here, %report ], [ %done.here, %wake ]
  %turns.next = add i32 %turns, 1
  %first.over = icmp eq i32 %turns, 0
  %timed = and i1 %first.over, %many
  br i1 %timed, label %timing, label %turn
timing:  ; who was done at once expects that the others are, too
  %time = call i64 @now()
  %taken = sub i64 %time, %begin
  %quick = icmp slt i64 %taken, {moment}
  br i1 %quick, label %linger, label %turn
linger:
  %over = call i1 @soon_over(ptr %pool, i32 %self, i32 %generation)
  br i1 %over, label %end, label %turn
end:
  ret void
}

; Whether a launch ends within a moment: the owner sees it by what is done, others by the next launch.
define internal i1 @soon_over(ptr %pool, i32 %self, i32 %generation) nounwind {
  %owner = icmp eq i32 %self, 0
  br i1 %owner, label %all, label %next
all:
  %threads.at = getelementptr i8, ptr %pool, i64 156
  %threads = load atomic i32, ptr %threads.at monotonic, align 4
  %count.at = getelementptr i8, ptr %pool, i64 152
  %pieces = load i32, ptr %count.at
  %ended = call i1 @look_for_end(ptr %pool, i32 %threads, i32 %generation, i32 %pieces, i64 {moment})
  ret i1 %ended
next:
  %found = call i32 @look(ptr %pool, i32 %generation, i64 {moment})
  %other = icmp ne i32 %found, %generation
  ret i1 %other
}

define internal ptr @claims(ptr %pool, i32 %block) nounwind {
  %wide = zext i32 %block to i64
  %offset = mul i64 %wide, 64
  %all = getelementptr i8, ptr %pool, i64 256
  %claims = getelementptr i8, ptr %all, i64 %offset
  ret ptr %claims
}

define internal ptr @done(ptr %pool, i32 %thread) nounwind {
  %distance.at = getelementptr i8, ptr %pool, i64 216
  %distance = load i64, ptr %distance.at
  %claims = call ptr @claims(ptr %pool, i32 %thread)
  %done = getelementptr i8, ptr %claims, i64 %distance
  ret ptr %done
}

; Whether all pieces of a launch are done.
define internal i1 @ended(ptr %pool, i32 %threads, i32 %generation, i32 %pieces) nounwind {
  br label %add
add:
  %thread = phi i32 [ 0, %0 ], [ %next, %add ]
  %sum = phi i32 [ 0, %0 ], [ %sum.next, %add ]
  %done.at = call ptr @done(ptr %pool, i32 %thread)
  %word = load atomic i64, ptr %done.at seq_cst, align 8
  %stamp.wide = lshr i64 %word, 32
  %stamp = trunc i64 %stamp.wide to i32
  %count = trunc i64 %word to i32
  %counts = icmp eq i32 %stamp, %generation
  %more = select i1 %counts, i32 %count, i32 0
  %sum.next = add i32 %sum, %more
  %next = add i32 %thread, 1
  %another = icmp ult i32 %next, %threads
  br i1 %another, label %add, label %all
all:
  %ended = icmp eq i32 %sum.next, %pieces
  ret i1 %ended
}
