package stats_test

import (
	"fmt"

	"github.com/commbench/commbench/bench/stats"
)

func Example() {
	twoHop := []float64{1480, 1502, 1466, 1490, 1620, 1475, 1488, 1479, 1510, 1484}
	s, err := stats.Summarize(twoHop)
	if err != nil {
		panic(err)
	}
	fmt.Println(s.P50, s.P95, *s.MedianCI)
	for _, w := range s.Warnings {
		fmt.Println("warning:", w)
	}

	allToAll := []float64{2304, 2290, 2311, 2287, 2399, 2301, 2295, 2315, 2288, 2296}
	r, err := stats.Compare(allToAll, twoHop)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.2fx (%.2f to %.2f)\n", r.Median, r.Min, r.Max)
	// Output:
	// 1484 1620 {1475 1510 0.978515625}
	// warning: p95 and p99 of 10 samples are their maximum
	// 1.55x (1.48 to 1.58)
}
