// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// programs/wake.cpp in Go, to stand beside it: one processor, an endless loop in one goroutine, and main, which sleeps a millisecond at a
// time. Prints how late main woke each time, in nanoseconds, one a line.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

var turns uint64

func spin() {
	for {
		turns++
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	wakes, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	go spin()
	late := make([]time.Duration, 0, wakes)
	for len(late) < wakes {
		start := time.Now()
		time.Sleep(time.Millisecond)
		late = append(late, time.Since(start)-time.Millisecond)
	}
	for _, l := range late {
		fmt.Println(l.Nanoseconds())
	}
}
