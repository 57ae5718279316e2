package unit_test

import (
	"math"
	"slices"
	"testing"

	"github.com/commbench/commbench/bench/unit"
)

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want string
	}{
		{0, "0"}, {math.Copysign(0, -1), "0"},
		{1, "1.00"}, {3.614, "3.61"}, {27.25, "27.2"}, {99.94, "99.9"},
		{9.996, "10.0"}, {99.96, "100"}, {999.6, "1,000"}, {0.9996, "1.00"},
		{153.2, "153"}, {1530.4, "1,530"}, {1234567.8, "1,234,568"},
		{-1530.4, "-1,530"}, {-0.5, "-0.500"}, {-123, "-123"},
		{0.5, "0.500"}, {0.0123, "0.0123"}, {0.0001, "0.000100"},
		{0.0000123, "1.23e-05"}, {9.87654e14, "987,654,000,000,000"}, {1e15, "1e+15"},
		{math.MaxFloat64, "1.8e+308"}, {math.SmallestNonzeroFloat64, "4.94e-324"},
		{math.NaN(), "NaN"}, {math.Inf(1), "+Inf"},
	} {
		if got := unit.Number(c.v); got != c.want {
			t.Errorf("Number(%v) = %q, want %q", c.v, got, c.want)
		}
	}
}

func TestCounted(t *testing.T) {
	for n, want := range map[int64]string{0: "0 nodes", 1: "1 node", 1024: "1,024 nodes"} {
		if got := unit.Counted(n, "node"); got != want {
			t.Errorf("Counted(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", 1234567: "1,234,567",
		math.MinInt64: "-9,223,372,036,854,775,808",
	} {
		if got := unit.Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for b, want := range map[unit.Bytes]string{
		0: "0 B", 7392: "7,392 B", 9999: "9,999 B", 14336: "14.3 kB", -14336: "-14.3 kB",
		999_499: "999 kB", 999_500: "1.00 MB", 24_684_096 * 1024: "25.3 GB",
		math.MaxInt64: "9.22 EB", math.MinInt64: "-9.22 EB",
	} {
		if got := b.String(); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", int64(b), got, want)
		}
	}
	if got := unit.Bytes(1_500_000_000).GB(); got != 1.5 {
		t.Errorf("1.5e9 bytes are %v GB", got)
	}
}

func TestConversions(t *testing.T) {
	if got := unit.Rate(7392*1024, 1000); got != 7.569408 {
		t.Errorf("7392*1024 bytes in 1000 us are %v GB/s", float64(got))
	}
	if got := unit.GBps(1.5).BytesPerSecond(); got != 1.5e9 {
		t.Errorf("1.5 GB/s are %v B/s", got)
	}
	if got := unit.Micros(1.5).Nanoseconds(); got != 1500 {
		t.Errorf("1.5 us are %v ns", got)
	}
	if a, b := unit.GBps(27.24).String(), unit.Micros(1530).String(); a != "27.2 GB/s" || b != "1,530 us" {
		t.Errorf("got %q and %q", a, b)
	}
}

func TestColumn(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []*float64
		want []string
	}{
		{"empty", nil, []string{}},
		{"all unknown", []*float64{nil, nil}, []string{"-", "-"}},
		{"the point lines up", []*float64{new(1530.44), new(27.24), nil}, []string{"1,530.4", "27.2", "-"}},
		{"zero stays zero", []*float64{new(0.0), new(27.24)}, []string{"0", "27.2"}},
		{"capped by the largest", []*float64{new(15300.0), new(0.512)}, []string{"15,300.00", "0.51"}},
		{"too small for the column", []*float64{new(15300.0), new(0.00123)}, []string{"15,300.00", "0.00123"}},
		{"beyond plain", []*float64{new(2e18), new(1.5)}, []string{"2e+18", "1.50"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := unit.Column(c.in); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestRounded(t *testing.T) {
	for v, want := range map[float64]float64{0: 0, 3.14159: 3.142, -123456: -123500, 0.000123456: 0.0001235, 2500: 2500, math.Inf(1): math.Inf(1)} {
		if got := unit.Rounded(v); got != want {
			t.Errorf("%v is %v, want %v", v, got, want)
		}
	}
	if got := unit.Rounded(math.NaN()); !math.IsNaN(got) {
		t.Errorf("no number is %v", got)
	}
}
