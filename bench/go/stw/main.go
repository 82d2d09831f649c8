// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// programs/stw.cpp in Go, to stand beside it: two processors, tight loops on both, and main, which wakes now and then and stops the world. Go's
// own stopTheWorld has no other exported caller that does so little as ReadMemStats; its reading of the statistics is in the time.
// Prints how long each took, in nanoseconds, one a line.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

var turns [2]uint64

func spin(index int) {
	for {
		turns[index]++
	}
}

func main() {
	runtime.GOMAXPROCS(2)
	debug.SetGCPercent(-1)
	stops, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	go spin(0)
	go spin(1)
	taken := make([]time.Duration, 0, stops)
	var statistics runtime.MemStats
	for len(taken) < stops {
		time.Sleep(500 * time.Microsecond)
		start := time.Now()
		runtime.ReadMemStats(&statistics)
		taken = append(taken, time.Since(start))
	}
	for _, t := range taken {
		fmt.Println(t.Nanoseconds())
	}
}
