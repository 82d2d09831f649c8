// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// programs/sync.cpp in Go, to stand beside it: the same work, the same lines.
package main

import (
	"fmt"
	"os"
	"sort"
	"strconv"
	"sync"
	"time"
)

func mutexPairs(tasks, pairs int) float64 {
	var m sync.Mutex
	var ended sync.WaitGroup
	counter := 0
	start := time.Now()
	for t := 0; t < tasks; t++ {
		ended.Add(1)
		go func() {
			for i := 0; i < pairs/tasks; i++ {
				m.Lock()
				counter++
				m.Unlock()
			}
			ended.Done()
		}()
	}
	ended.Wait()
	taken := time.Since(start)
	return float64(taken.Nanoseconds()) / float64(counter)
}

func lateness(count int, apart float64) []float64 {
	late := make([]float64, count)
	var ended sync.WaitGroup
	ended.Add(count)
	first := time.Now().Add(time.Second)
	for i := 0; i < count; i++ {
		go func(i int) {
			when := first.Add(time.Duration(float64(i) * apart))
			time.Sleep(time.Until(when))
			late[i] = float64(time.Since(when).Nanoseconds())
			ended.Done()
		}(i)
	}
	ended.Wait()
	sort.Float64s(late)
	return late
}

func show(name string, ns float64) { fmt.Printf("%s %.1f\n", name, ns) }

func number(argument string) int {
	n, err := strconv.Atoi(argument)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return n
}

func main() {
	pairs, sleepers := number(os.Args[1]), number(os.Args[2])
	show("mutex.uncontended", mutexPairs(1, pairs))
	show("mutex.contended2", mutexPairs(2, pairs))
	show("mutex.contended8", mutexPairs(8, pairs))
	spread := lateness(sleepers, 0.5e9/float64(sleepers))
	show("timers.lateness.p50", spread[len(spread)/2])
	show("timers.lateness.p99", spread[len(spread)*99/100])
	burst := lateness(sleepers, 0)
	show("timers.burst", burst[len(burst)-1])
}
