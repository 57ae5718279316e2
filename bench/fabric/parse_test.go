package fabric

import (
	"errors"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// fuzz calls a parser with what it may be given: text without white space around it.
func fuzz[T any](f *testing.F, parse func(string) (T, error), seeds []string, check func(t *testing.T, text string, v T)) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text = strings.TrimSpace(text); text == "" {
			return
		}
		v, err := parse(text)
		switch {
		case err == nil:
			check(t, text, v)
		case !errors.Is(err, errors.ErrUnsupported) && !strings.Contains(err.Error(), "expected"):
			t.Errorf("the error does not say what was expected: %v", err)
		case len(err.Error()) > 400 && len(text) > 400:
			t.Errorf("the error is as long as the text: %v", err)
		}
	})
}

func FuzzCount(f *testing.F) {
	fuzz(f, count, []string{"0", "18446744073709551615", "18446744073709551616", "N/A (no PMA)", "-1", "0x10"}, func(t *testing.T, text string, n uint64) {
		if got := strconv.FormatUint(n, 10); got != strings.TrimLeft(text[:len(text)-1], "0")+text[len(text)-1:] {
			t.Errorf("it is %s", got)
		}
	})
}

func FuzzWhole(f *testing.F) {
	fuzz(f, whole, []string{"9000", "-1", "2147483648", "1e9"}, func(t *testing.T, text string, n int) {
		if back, err := whole(strconv.Itoa(n)); err != nil || back != n {
			t.Errorf("%d is read as %d, %v", n, back, err)
		}
	})
}

func FuzzPositive(f *testing.F) {
	fuzz(f, positive, []string{"400000", "-1", "0", "4294967295", "4294967294", "9223372036854775808"}, func(t *testing.T, text string, n int) {
		if n <= 0 || n > math.MaxInt32 {
			t.Errorf("it is %d", n)
		}
	})
}

func FuzzLanes(f *testing.F) {
	fuzz(f, lanes, []string{"16", "0", "63", "255"}, func(t *testing.T, text string, n int) {
		if n < 1 || n > 32 {
			t.Errorf("it is %d", n)
		}
	})
}

func FuzzTransfers(f *testing.F) {
	fuzz(f, transfers, []string{"32.0 GT/s PCIe", "2.5 GT/s", "Unknown", "Unknown speed", "NaN GT/s", "Inf GT/s", "-1 GT/s", "0x1p3 GT/s"}, func(t *testing.T, text string, v float64) {
		if !(v > 0 && v < 1e6) {
			t.Errorf("it is %v", v)
		}
	})
}

func FuzzMemoryNode(f *testing.F) {
	fuzz(f, memoryNode, []string{"0", "1", "-1", "-2"}, func(t *testing.T, text string, n int) {
		if n < 0 {
			t.Errorf("it is %d", n)
		}
	})
}

func FuzzNamed(f *testing.F) {
	fuzz(f, named, []string{"4: ACTIVE", "7: Phy Test", "0: <unknown>", "4:", "ACTIVE", ": ACTIVE", "4: a: b"}, func(t *testing.T, text, name string) {
		if name == "" || !strings.HasSuffix(text, ": "+name) {
			t.Errorf("it is %q", name)
		}
	})
}

func FuzzRated(f *testing.F) {
	fuzz(f, rated, []string{"400 Gb/sec (4X NDR)", "2.5 Gb/sec (1X SDR)", "10 Gb/sec (4X)", "1e99 Gb/sec (4X)", "NaN Gb/sec (4X)", "10 Gb/sec (0X)", "10 Gb/sec (99999999999X)"}, func(t *testing.T, text string, r rate) {
		if !(r.gbps >= 0 && r.gbps < 1e6) || r.lanes < 1 || !strings.Contains(text, r.speed) {
			t.Errorf("it is %v", r)
		}
	})
}

func FuzzAddress(f *testing.F) {
	fuzz(f, address, []string{
		"fe80:0000:0000:0000:b83f:d203:00fc:2a6c", "0000:0000:0000:0000:0000:ffff:0a00:0001",
		"0000:0000:0000:0000:0000:0000:0000:0000", "::ffff:10.0.0.1", "fe80::1%eth0", "10.0.0.1",
	}, func(t *testing.T, text, gid string) {
		if gid != "" && gid != text {
			t.Errorf("it is %q", gid)
		}
		if guid, err := guidOf(text); err == nil && (strings.Count(guid, ":") != 3 || !strings.HasSuffix(text, guid)) {
			t.Errorf("its GUID is %q", guid)
		}
	})
}

func FuzzWord(f *testing.F) {
	fuzz(f, word, []string{"MT4129", "RoCE v2", "\x1b[31m", "\xff", "a\nb"}, func(t *testing.T, text, same string) {
		if same != text || strings.ContainsAny(text, "\x00\x1b\n\r") {
			t.Errorf("it is %q", same)
		}
	})
}

func FuzzNormal(f *testing.F) {
	fuzz(f, normal, []string{"0000:17:00.0", "00000000:17:00.0", "10000:E1:00.0", "17:00.0", "../..", "0000:17:00.8", "0000:17:20.0"}, func(t *testing.T, text, pci string) {
		if again, err := normal(pci); err != nil || again != pci {
			t.Errorf("%s is read as %s, %v", pci, again, err)
		}
		if strings.ContainsAny(pci, "/\\") || pci != strings.ToLower(pci) || len(pci) < len("0000:17:00.0") {
			t.Errorf("it is %q", pci)
		}
	})
}

// Folders of which a path comes may have any names.
func FuzzPathTo(f *testing.F) {
	for _, s := range []string{"/sys/devices/pci0000:15/0000:15:01.0/0000:18:00.0", "/0000:18:00.0", "0000:18:00.0", "pci0000:15/", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		path = filepath.Clean(path)
		steps, err := pathTo(folder(path))
		if err != nil {
			return
		}
		if !bridge.MatchString(steps[0]) || !strings.HasSuffix(path, strings.Join(steps, "/")) {
			t.Errorf("it is %v", steps)
		}
	})
}
