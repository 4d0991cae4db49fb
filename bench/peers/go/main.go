// The side of Go's circuit breakers in the comparison of ../run, which says how the two talk.
//
//	peer gobreaker | failsafe-go
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/sony/gobreaker/v2"
)

// A row makes n calls, and returns how many reached the operation.
type row struct {
	batch   func(n int) int
	threads int
	reaches bool
	n       int
}

var (
	rows  = map[string]*row{}
	order []string
)

//go:noinline
func work(x int) int { return x }

func operation() (int, error) { return work(1), nil }

func cpu() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// CPU ns per call, of all threads of the process: the garbage collector is part of the price.
func measure(name string) float64 {
	r := rows[name]
	before := cpu()
	if r.threads == 1 {
		want := 0
		if r.reaches {
			want = r.n
		}
		if r.batch(r.n) != want {
			panic(name + " did not do its work")
		}
	} else {
		var all sync.WaitGroup
		for range r.threads {
			all.Go(func() { r.batch(r.n / r.threads) })
		}
		all.Wait()
	}
	return float64(cpu()-before) / float64(r.n)
}

// Until a batch takes a tenth of a second.
func warmUp(name string) {
	for measure(name)*float64(rows[name].n) < 1e8 {
		rows[name].n *= 2
	}
}

func add(name string, reaches bool, batch func(n int) int) {
	for suffix, threads := range map[string]int{"": 1, " @8": 8} {
		rows[name+suffix] = &row{batch, threads, reaches, 1000}
		order = append(order, name+suffix)
	}
}

// Adds the two rows of a breaker that is closed or open, each with a loop of its own.
func addBreaker(window string, open bool, call func() (int, error), permit func() int) {
	what := " call"
	if open {
		what = " refusal"
	}
	add(window+what, !open, func(n int) int {
		reached := 0
		for range n {
			result, _ := call()
			reached += result
		}
		return reached
	})
	add(window+" permit"+what, !open, func(n int) int {
		reached := 0
		for range n {
			reached += permit()
		}
		return reached
	})
}

// With no interval, which is its default, gobreaker counts since it was closed; it knows no window of calls.
func addGobreaker(window string, interval, bucket time.Duration) {
	for _, open := range []bool{false, true} {
		settings := gobreaker.Settings{
			Interval:     interval,
			BucketPeriod: bucket,
			Timeout:      24 * time.Hour,
			ReadyToTrip: func(c gobreaker.Counts) bool {
				return c.Requests >= 10 && c.TotalFailures*2 >= c.Requests
			},
		}
		breaker := gobreaker.NewCircuitBreaker[int](settings)
		twoStep := gobreaker.NewTwoStepCircuitBreaker[int](settings)
		for i := 0; open && i < 10; i++ {
			breaker.Execute(func() (int, error) { return 0, fmt.Errorf("down") })
			if done, err := twoStep.Allow(); err == nil {
				done(fmt.Errorf("down"))
			}
		}
		addBreaker(window, open, func() (int, error) { return breaker.Execute(operation) }, func() int {
			done, err := twoStep.Allow()
			if err != nil {
				return 0
			}
			result := work(1)
			done(nil)
			return result
		})
	}
}

func addFailsafe(window string, make func() circuitbreaker.Builder[int]) {
	for _, open := range []bool{false, true} {
		breaker := make().WithDelay(24 * time.Hour).Build()
		if open {
			breaker.Open()
		}
		executor := failsafe.With(breaker)
		addBreaker(window, open, func() (int, error) { return executor.Get(operation) }, func() int {
			if !breaker.TryAcquirePermit() {
				return 0
			}
			result := work(1)
			breaker.RecordSuccess()
			return result
		})
	}
}

func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, d := range info.Deps {
		if d.Path == module {
			return d.Version
		}
	}
	return "?"
}

func main() {
	bare := operation
	add("bare", true, func(n int) int {
		reached := 0
		for range n {
			result, _ := bare()
			reached += result
		}
		return reached
	})
	name := ""
	switch os.Args[1] {
	case "gobreaker":
		name = "gobreaker " + version("github.com/sony/gobreaker/v2")
		addGobreaker("count", 0, 0)
		addGobreaker("time", 10*time.Second, time.Second)
	case "failsafe-go":
		name = "failsafe-go " + version("github.com/failsafe-go/failsafe-go")
		addFailsafe("count", func() circuitbreaker.Builder[int] {
			return circuitbreaker.NewBuilder[int]().WithFailureThresholdRatio(50, 100)
		})
		addFailsafe("time", func() circuitbreaker.Builder[int] {
			return circuitbreaker.NewBuilder[int]().WithFailureRateThreshold(0.5, 10, 10*time.Second)
		})
	}
	for _, row := range order {
		warmUp(row)
	}
	fmt.Printf("ready %s, %s\n", name, runtime.Version())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if rows[in.Text()] == nil {
			fmt.Println(-1.0)
		} else {
			fmt.Println(measure(in.Text()))
		}
	}
}
