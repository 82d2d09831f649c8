// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// programs/tasks.cpp in Go, to stand beside it: the same work, the same lines.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

func each(count int, f func()) float64 {
	start := time.Now()
	f()
	return float64(time.Since(start).Nanoseconds()) / float64(count)
}

func yields(count int) float64 {
	var ended sync.WaitGroup
	ended.Add(2)
	return each(2*count, func() {
		for t := 0; t < 2; t++ {
			go func() {
				for i := 0; i < count; i++ {
					runtime.Gosched()
				}
				ended.Done()
			}()
		}
		ended.Wait()
	})
}

func spawns(count int) float64 {
	return each(count, func() {
		for i := 0; i < count; i++ {
			var ended sync.WaitGroup
			ended.Add(1)
			go func() { ended.Done() }()
			ended.Wait()
		}
	})
}

func pingPong(count int) float64 {
	there, back := make(chan int), make(chan int)
	return each(2*count, func() {
		go func() {
			for v := range there {
				back <- v + 1
			}
		}()
		for i := 0; i < count; i++ {
			there <- i
			if <-back != i+1 {
				panic("wrong")
			}
		}
		close(there)
	})
}

func buffered(count int) float64 {
	c := make(chan int, 128)
	sum := 0
	taken := each(count, func() {
		go func() {
			for i := 0; i < count; i++ {
				c <- i
			}
			close(c)
		}()
		for v := range c {
			sum += v
		}
	})
	if sum != count*(count-1)/2 {
		panic("wrong")
	}
	return taken
}

const batch = 512

func fill(channels []chan int) {
	for _, c := range channels {
		for len(c) < cap(c) {
			c <- 1
		}
	}
}

func makeChannels(n int) []chan int {
	channels := make([]chan int, n)
	for i := range channels {
		channels[i] = make(chan int, batch)
	}
	return channels
}

func select2(count int) float64 {
	c := makeChannels(2)
	var taken time.Duration
	received := 0
	for done := 0; done < count; done += batch {
		fill(c)
		start := time.Now()
		for i := 0; i < batch; i++ {
			select {
			case v := <-c[0]:
				received += v
			case v := <-c[1]:
				received += v
			}
		}
		taken += time.Since(start)
	}
	return float64(taken.Nanoseconds()) / float64(received)
}

func select8(count int) float64 {
	c := makeChannels(8)
	var taken time.Duration
	received := 0
	for done := 0; done < count; done += batch {
		fill(c)
		start := time.Now()
		for i := 0; i < batch; i++ {
			select {
			case v := <-c[0]:
				received += v
			case v := <-c[1]:
				received += v
			case v := <-c[2]:
				received += v
			case v := <-c[3]:
				received += v
			case v := <-c[4]:
				received += v
			case v := <-c[5]:
				received += v
			case v := <-c[6]:
				received += v
			case v := <-c[7]:
				received += v
			}
		}
		taken += time.Since(start)
	}
	return float64(taken.Nanoseconds()) / float64(received)
}

func resident() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	var total, pages int
	fmt.Sscan(string(text), &total, &pages)
	return float64(pages * os.Getpagesize())
}

func parked(count int) float64 {
	gate := make(chan int)
	var started, ended sync.WaitGroup
	started.Add(count)
	ended.Add(count)
	before := resident()
	for i := 0; i < count; i++ {
		go func() {
			started.Done()
			<-gate
			ended.Done()
		}()
	}
	started.Wait()
	each := (resident() - before) / float64(count)
	close(gate)
	ended.Wait()
	return each
}

func show(name string, value float64) { fmt.Printf("%s %.1f\n", name, value) }

func number(argument string) int {
	n, err := strconv.Atoi(argument)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return n
}

func main() {
	rounds, tasks := number(os.Args[1]), number(os.Args[2])
	show("parked", parked(tasks))
	show("yield", yields(rounds))
	show("spawn", spawns(rounds))
	show("pingpong", pingPong(rounds))
	show("buffered", buffered(rounds))
	show("select2", select2(rounds))
	show("select8", select8(rounds))
}
