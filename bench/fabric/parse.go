package fabric

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// What follows takes the text of a file, without white space around it. It is never empty.

// word is any text.
func word(text string) (string, error) {
	if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) >= 0 {
		return "", fmt.Errorf("%.40q: expected printable text", text)
	}
	return text, nil
}

// count reads a counter. A port without a performance management agent says "N/A (no PMA)".
func count(text string) (uint64, error) {
	if strings.HasPrefix(text, "N/A") {
		return 0, none("the port says " + strconv.Quote(text))
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40q: expected a number below 2^64", text)
	}
	return n, nil
}

// whole reads a number that an int holds everywhere.
func whole(text string) (int, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%.40q: expected a number below 2^31", text)
	}
	return int(n), nil
}

// positive reads a number above 0. What drivers write who do not know is -1, 0, or -1 without
// its sign.
func positive(text string) (int, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && (n <= 0 || n == 1<<32-1) {
		return 0, none("the driver does not say")
	}
	return whole(text)
}

// lanes reads a width of PCIe. A virtual function says 0, and 63 is all bits set: a device
// that no longer answers.
func lanes(text string) (int, error) {
	n, err := positive(text)
	if err == nil && n > 32 {
		return 0, fmt.Errorf("%d: expected at most 32 lanes", n)
	}
	return n, err
}

// transfers reads a speed of PCIe in GT/s: "32.0 GT/s PCIe", "8 GT/s" in older kernels.
func transfers(text string) (float64, error) {
	if strings.HasPrefix(text, "Unknown") {
		return 0, none("the device does not say")
	}
	number, _, ok := strings.Cut(text, " GT/s")
	v, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(v > 0 && v < 1e6) {
		return 0, fmt.Errorf("%.40q: expected GT/s, as 32.0 GT/s PCIe", text)
	}
	return v, nil
}

// memoryNode reads a numa_node.
func memoryNode(text string) (int, error) {
	n, err := whole(text)
	if err == nil && n < 0 {
		return 0, none("the firmware does not say")
	}
	return n, err
}

// named reads the name of a numbered state: "4: ACTIVE".
func named(text string) (string, error) {
	number, name, ok := strings.Cut(text, ": ")
	if _, err := whole(number); !ok || err != nil || name == "" {
		return "", fmt.Errorf("%.40q: expected a state, as 4: ACTIVE", text)
	}
	return word(name)
}

// rate is what a port runs at.
type rate struct {
	gbps  float64
	lanes int
	speed string // of a lane; "" from kernels that do not name the slowest
}

// rated reads a rate: "400 Gb/sec (4X NDR)".
func rated(text string) (rate, error) {
	bad := fmt.Errorf("%.40q: expected a rate, as 400 Gb/sec (4X NDR)", text)
	number, rest, ok := strings.Cut(text, " Gb/sec (")
	rest, closed := strings.CutSuffix(rest, ")")
	width, speed, _ := strings.Cut(rest, " ")
	width, wide := strings.CutSuffix(width, "X")
	if !ok || !closed || !wide {
		return rate{}, bad
	}
	gbps, err := strconv.ParseFloat(number, 64)
	n, err2 := whole(width)
	speed, err3 := word(speed)
	if err != nil || err2 != nil || err3 != nil || !(gbps >= 0 && gbps < 1e6) || n < 1 {
		return rate{}, bad
	}
	return rate{gbps, n, speed}, nil
}

// address reads a GID and leaves it as it is. One that is not set is all zeros, and "".
func address(text string) (string, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is6() || a.Zone() != "" {
		return "", fmt.Errorf("%.40q: expected a GID, as fe80:0000:0000:0000:b83f:d203:00fc:2a6c", text)
	}
	if a.IsUnspecified() {
		return "", nil
	}
	return text, nil
}
