// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// programs/echo.cpp in Go, to stand beside it: an echo server and its clients in one process, a goroutine for each end of each connection.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strconv"
	"sync"
	"time"
)

const (
	messageSize = 64
	bufferSize  = 4096
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(c net.Conn) {
	defer c.Close()
	var b [bufferSize]byte
	for {
		n, err := c.Read(b[:])
		if err != nil {
			return
		}
		if _, err = c.Write(b[:n]); err != nil {
			return
		}
	}
}

func ask(c net.Conn, begin, end time.Time) []uint32 {
	defer c.Close()
	taken := make([]uint32, 0, 1<<16)
	var m [messageSize]byte
	for {
		start := time.Now()
		_, err := c.Write(m[:])
		check(err)
		_, err = io.ReadFull(c, m[:])
		check(err)
		now := time.Now()
		if !start.Before(begin) && start.Before(end) {
			taken = append(taken, uint32(now.Sub(start).Nanoseconds()))
		}
		if !now.Before(end) {
			return taken
		}
	}
}

func main() {
	clients, err := strconv.Atoi(os.Args[1])
	check(err)
	milliseconds, err := strconv.Atoi(os.Args[2])
	check(err)
	begin := time.Now().Add(200 * time.Millisecond)
	end := begin.Add(time.Duration(milliseconds) * time.Millisecond)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	check(err)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	var asking sync.WaitGroup
	all := make([][]uint32, clients)
	for i := range all {
		c, err := net.Dial("tcp4", listener.Addr().String())
		check(err)
		asking.Add(1)
		go func(i int) {
			defer asking.Done()
			all[i] = ask(c, begin, end)
		}(i)
	}
	asking.Wait()
	var taken []uint32
	for _, one := range all {
		taken = append(taken, one...)
	}
	sort.Slice(taken, func(a, b int) bool { return taken[a] < taken[b] })
	at := func(share float64) uint32 {
		return taken[int(share*float64(len(taken)))]
	}
	fmt.Printf("requests %.0f p50 %d p99 %d\n", float64(len(taken))/(float64(milliseconds)/1000), at(0.5), at(0.99))
}
