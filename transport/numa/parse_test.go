package numa

import (
	"bytes"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestParseList(t *testing.T) {
	for text, want := range map[string][]int{
		"":                  nil,
		"\n":                nil,
		"0":                 {0},
		"0-3,8,10-11\n":     {0, 1, 2, 3, 8, 10, 11},
		"65535":             {65535},
		"7-7":               {7},
		"0-1,2-3":           {0, 1, 2, 3},
		" 5 ":               {5},
		"00-01":             {0, 1},
		"100-103,1000,1002": {100, 101, 102, 103, 1000, 1002},
	} {
		got, err := ParseList(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"x", "-1", "1-", "-", ",", "1,", ",1", "1,,2", "3-1", "1,1", "5,4", "0-3,3", "65536", "0-65536",
		"0-99999999999999999999", "1-2-3", "0x1", "+1", "1 - 2", strings.Repeat("9", 1000),
	} {
		if got, err := ParseList(text); err == nil {
			t.Errorf("%q is %v", text, got)
		} else if len(err.Error()) > 300 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	}
}

func FuzzCPUList(f *testing.F) {
	for _, seed := range []string{"", "0-3,8,10-11\n", "0-65535", "1,0", "9-", "0-18446744073709551615"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cpus, err := ParseList(text)
		if err != nil {
			return
		}
		if len(cpus) > maxCPUs || !slices.IsSorted(cpus) {
			t.Errorf("%q: %d CPUs, or not in order", text, len(cpus))
		}
		if again, err := ParseList(formatList(cpus)); err != nil || !slices.Equal(again, cpus) {
			t.Errorf("%q was written as %s", text, formatList(cpus))
		}
	})
}

func TestHugeBytes(t *testing.T) {
	file, err := os.ReadFile("testdata/smaps.txt")
	if err != nil {
		t.Fatal(err)
	}
	good := bytes.Replace(file, []byte("     many"), []byte("0 kB"), 1)
	const (
		anon = 0x7f0000000000 // 8 MiB, of which 4 are huge
		shm  = anon + 8<<20   // 4 MiB: 2, 1 and 0.5
		lib  = anon + 14<<20  // 2 MiB, after a gap of 2
	)
	for _, test := range []struct {
		name   string
		begin  uint64
		length int
		want   int64
	}{
		{"none", 0x400000, 0x8a000, 0},
		{"a mapping", anon, 8 << 20, 4 << 20},
		{"within a mapping, as if the huge ones came first", anon + 4<<20, 1 << 20, 1 << 20},
		{"all kinds", shm, 4 << 20, 7 << 19},
		{"two mappings", anon + 7<<20, 5 << 20, 1<<20 + 7<<19},
		{"a gap at the end", shm, 5 << 20, 7 << 19},
		{"over a gap", shm, 8 << 20, 7<<19 + 2<<20},
		{"nothing", 1, 0, 0},
	} {
		got, err := hugeBytes(bytes.NewReader(good), test.begin, test.length)
		if err != nil || got != test.want {
			t.Errorf("%s: %d, %v; want %d", test.name, got, err, test.want)
		}
	}
	all, err := mappings(bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int64{2 << 20, 2 << 20, 0} { // three blocks of one mapping, of 2 MiB each
		if got, err := hugeIn(all, anon+uint64(i)*2<<20, 2<<20); err != nil || got != want {
			t.Errorf("block %d: %d, %v; want %d", i, got, err, want)
		}
	}
	for _, test := range []struct {
		name, smaps string
		begin       uint64
		want        string
	}{
		{"a gap", string(good), shm + 4<<20, "no mapping from 7f0000c00000"},
		{"an empty file", "", anon, "no mapping"},
		{"a number that is none", string(file), 0xffffffffff600000, "line 32: AnonHugePages: \"many\": expected a number of kB"},
		{"no mapping at all", "hello\n", anon, "line 1: \"hello\": expected"},
		{"a mapping backwards", "2000-1000 rw-p\n", anon, "line 1"},
		{"an endless line", strings.Repeat("x", 1<<20), anon, "too long"},
	} {
		_, err := hugeBytes(strings.NewReader(test.smaps), test.begin, 4096)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v; expected %s", test.name, err, test.want)
		}
	}
}

func FuzzSmaps(f *testing.F) {
	file, err := os.ReadFile("testdata/smaps.txt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file, uint64(0x7f0000000000), 16<<20)
	f.Add([]byte("0-ffffffffffffffff \nAnonHugePages: 1125899906842623 kB\n0-1\n"), uint64(0), math.MaxInt)
	f.Add([]byte("0-1"), uint64(math.MaxUint64), 1)
	f.Fuzz(func(t *testing.T, smaps []byte, begin uint64, length int) {
		if length < 0 { // no slice is
			return
		}
		if n, err := hugeBytes(bytes.NewReader(smaps), begin, length); err == nil && (n < 0 || n > int64(length)) {
			t.Errorf("%d bytes of %d", n, length)
		}
	})
}

func TestRoundInwards(t *testing.T) {
	for _, test := range []struct {
		address          uint64
		length, from, to int
	}{
		{0x1000, 0, 0, 0},
		{0x1000, 0xfff, 0, 0},
		{0x1000, 0x1000, 0, 0x1000},
		{0x1001, 0x1000, 0, 0},
		{0x1001, 0x1ffe, 0, 0},
		{0x1001, 0x1fff, 0xfff, 0x1fff},
		{0x1fff, 0x2002, 1, 0x2001},
		{0x1800, 0x800, 0, 0},
	} {
		from, to := roundInwards(test.address, test.length, 0x1000)
		if to-from != test.to-test.from || to > from && from != test.from {
			t.Errorf("%#x bytes at %#x: from %#x to %#x, want from %#x to %#x", test.length, test.address, from, to, test.from, test.to)
		}
	}
}

func hugeBytes(smaps io.Reader, begin uint64, length int) (int64, error) {
	all, err := mappings(smaps)
	if err != nil {
		return 0, err
	}
	return hugeIn(all, begin, length)
}
