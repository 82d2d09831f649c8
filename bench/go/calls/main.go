// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// programs/calls.cpp in Go, to stand beside it: the same work, the same lines.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func stepsIn(milliseconds int) float64 {
	end := time.Now().Add(time.Duration(milliseconds) * time.Millisecond)
	steps, x := 0.0, uint64(1)
	for ; time.Now().Before(end); steps++ {
		for i := 0; i < 1000; i++ {
			x = x*6364136223846793005 + 1
		}
	}
	if x == 0 {
		panic("unlikely")
	}
	return steps
}

func stepsBeside(milliseconds int) float64 {
	var ends [2]int
	if syscall.Pipe(ends[:]) != nil {
		panic("pipe")
	}
	var ended sync.WaitGroup
	ended.Add(1)
	stop := make(chan bool)
	go func() {
		runtime.LockOSThread()
		for {
			select {
			case <-stop:
				syscall.Close(ends[1])
				return
			default:
			}
			t := syscall.Timespec{Nsec: 1000000}
			syscall.Nanosleep(&t, nil)
			syscall.Write(ends[1], []byte("x"))
		}
	}()
	go func() {
		c := make([]byte, 1)
		for {
			if n, _ := syscall.Read(ends[0], c); n != 1 {
				break
			}
		}
		ended.Done()
	}()
	runtime.Gosched()
	beside := stepsIn(milliseconds)
	close(stop)
	ended.Wait()
	return beside
}

func share(milliseconds int) float64 {
	const rounds = 5
	alone, beside := 0.0, 0.0
	for i := 0; i < rounds; i++ {
		alone += stepsIn(milliseconds / rounds)
		beside += stepsBeside(milliseconds / rounds)
	}
	return beside / alone
}

func each(count int, f func()) float64 {
	start := time.Now()
	for i := 0; i < count; i++ {
		f()
	}
	return float64(time.Since(start).Nanoseconds()) / float64(count)
}

func calls(count int, locked bool) float64 {
	there, back := make(chan int), make(chan int)
	go func() {
		if locked {
			runtime.LockOSThread()
		}
		for v := range there {
			back <- v + 1
		}
		close(back)
	}()
	there <- 1
	<-back
	result := each(count, func() {
		there <- 1
		if <-back != 2 {
			panic("wrong")
		}
	})
	close(there)
	<-back
	return result
}

func main() {
	count, _ := strconv.Atoi(os.Args[2])
	show := func(name string, value float64) { fmt.Printf("%s %.4f\n", name, value) }
	switch os.Args[1] {
	case "share":
		show("announced", share(count))
	case "fast":
		show("raw", each(count, func() { syscall.RawSyscall(syscall.SYS_GETPID, 0, 0, 0) }))
		show("fast", each(count, func() { syscall.Syscall(syscall.SYS_GETPID, 0, 0, 0) }))
	default:
		show("unlocked", calls(count, false))
		show("server", calls(count, true))
	}
}
