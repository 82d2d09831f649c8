// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The programs of gc/trees.h in Go; GOMAXPROCS is the command line's number of processors, GOGC what it is by default.
// What is printed as a pause is the sum of a collection's two, as runtime.MemStats has it.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const leastDepth = 4

func inParallel(count int, piece func(int)) {
	var all sync.WaitGroup
	for i := 0; i < count; i++ {
		all.Add(1)
		go func(i int) {
			piece(i)
			all.Done()
		}(i)
	}
	all.Wait()
}

type gameNode struct{ left, right *gameNode }

func buildGame(depth int) *gameNode {
	if depth == 0 {
		return &gameNode{}
	}
	left, right := buildGame(depth-1), buildGame(depth-1)
	return &gameNode{left, right}
}

func (n *gameNode) count() uint64 {
	if n.left == nil {
		return 1
	}
	return 1 + n.left.count() + n.right.count()
}

func trees(depth int) uint64 {
	stretched := buildGame(depth + 1).count()
	longLived := buildGame(depth)
	var total uint64
	inParallel((depth-leastDepth)/2+1, func(i int) {
		ownDepth := leastDepth + 2*i
		var nodes uint64
		for left := 1 << (depth - ownDepth + leastDepth); left > 0; left-- {
			nodes += buildGame(ownDepth).count()
		}
		atomic.AddUint64(&total, nodes*uint64(ownDepth))
	})
	return total + 31*stretched + 37*longLived.count()
}

type benchNode struct {
	left, right *benchNode
	i, j        int32
}

const numbersLength = 500000

func treeSize(depth int) uint64 { return 2<<depth - 1 }

func populate(depth int, at *benchNode) {
	if depth == 0 {
		return
	}
	at.left = &benchNode{}
	at.right = &benchNode{}
	populate(depth-1, at.left)
	populate(depth-1, at.right)
}

func buildBench(depth int) *benchNode {
	if depth == 0 {
		return &benchNode{}
	}
	left, right := buildBench(depth-1), buildBench(depth-1)
	return &benchNode{left: left, right: right}
}

func (n *benchNode) count() uint64 {
	if n.left == nil {
		return 1
	}
	return 1 + n.left.count() + n.right.count()
}

func construct(depth int, rounds uint64) uint64 {
	var nodes uint64
	for i := uint64(1); i <= rounds; i++ {
		tree := &benchNode{}
		populate(depth, tree)
		if i == rounds {
			nodes += tree.count()
		}
	}
	for i := uint64(1); i <= rounds; i++ {
		tree := buildBench(depth)
		if i == rounds {
			nodes += tree.count()
		}
	}
	return nodes
}

func gcbench(depth int) uint64 {
	longLivedDepth := depth - 2
	buildBench(depth)
	longLived := &benchNode{}
	populate(longLivedDepth, longLived)
	numbers := make([]float64, numbersLength)
	for i := 1; i < numbersLength/2; i++ {
		numbers[i] = 1.0 / float64(i)
	}
	var total uint64
	inParallel((longLivedDepth-leastDepth)/2+1, func(i int) {
		ownDepth := leastDepth + 2*i
		rounds := 2 * treeSize(depth) / treeSize(ownDepth)
		atomic.AddUint64(&total, construct(ownDepth, rounds)*rounds)
	})
	return total + 41*longLived.count() + uint64(1/numbers[1000]+0.5)
}

func cpuTime() int64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}

var turns uint64

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: gc trees|gcbench DEPTH PROCESSORS [spin]")
		os.Exit(2)
	}
	depth, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	processors, err := strconv.Atoi(os.Args[3])
	if err != nil {
		panic(err)
	}
	runtime.GOMAXPROCS(processors)
	if len(os.Args) == 5 {
		go func() {
			for {
				turns++
			}
		}()
	}
	work := map[string]func(int) uint64{"trees": trees, "gcbench": gcbench}[os.Args[1]]
	wall, cpu := time.Now(), cpuTime()
	result := work(depth)
	fmt.Printf("result %d\nwall %d\ncpu %d\n", result, time.Since(wall).Nanoseconds(), cpuTime()-cpu)
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	fmt.Printf("peak %d\n", used.Maxrss)
	var statistics runtime.MemStats
	runtime.ReadMemStats(&statistics)
	latest := int(statistics.NumGC)
	for i := 0; i < latest && i < len(statistics.PauseNs); i++ {
		fmt.Printf("pause %d\n", statistics.PauseNs[i])
	}
	fmt.Printf("cycles %d\n", latest)
}
