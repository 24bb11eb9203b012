; How those threads await a word of the pool's memory, behind frame_pool_work.ll: they look at it, then sleep.

; The pool's generation as soon as it is another one, or this one after so many nanoseconds.
define internal i32 @look(ptr %pool, i32 %value, i64 %patience) nounwind {
  %first = load atomic i32, ptr %pool acquire, align 4
  %there = icmp ne i32 %first, %value
  br i1 %there, label %quick, label %begin
quick:
  ret i32 %first
begin:
  %start = call i64 @now()
  br label %round
round:
  br label %again
again:
  %turn = phi i32 [ 0, %round ], [ %turn.next, %wait ]
  %found = load atomic i32, ptr %pool acquire, align 4
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

; Whether a launch ended within so many nanoseconds.
define internal i1 @look_for_end(ptr %pool, i32 %threads, i32 %generation, i32 %pieces, i64 %patience) nounwind {
  %first = call i1 @ended(ptr %pool, i32 %threads, i32 %generation, i32 %pieces)
  br i1 %first, label %quick, label %begin
quick:
  ret i1 true
begin:
  %start = call i64 @now()
  br label %round
round:
  br label %again
again:
  %turn = phi i32 [ 0, %round ], [ %turn.next, %wait ]
  %over = call i1 @ended(ptr %pool, i32 %threads, i32 %generation, i32 %pieces)
  br i1 %over, label %end, label %wait
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
  ret i1 %over
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
