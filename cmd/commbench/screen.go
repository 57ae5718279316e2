package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// screen is how many lines and columns a terminal shows; where that is not known, all there are.
func screen(w io.Writer) (lines, columns int) {
	const all = 1 << 20
	if f, ok := w.(*os.File); ok {
		if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil && size.Row > 1 && size.Col > 1 {
			return int(size.Row), int(size.Col)
		}
	}
	return all, all
}

// fit is as much of a text as w shows.
func fit(text []byte, w io.Writer) []byte {
	lines, columns := screen(w)
	return cut(text, lines, columns)
}

// cut is as much of a text as a screen shows: what is longer would scroll the rest away.
func cut(text []byte, lines, columns int) []byte {
	all := bytes.SplitAfter(bytes.TrimRight(text, "\n"), []byte("\n"))
	var b bytes.Buffer
	if room := max(1, lines-2); len(all) > room+1 {
		all = append(all[:room:room], fmt.Appendf(nil, "... and %d lines more, which this screen has no room for", len(all)-room))
	}
	for _, line := range all {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if utf8.RuneCount(line) > columns {
			line = []byte(string([]rune(string(line))[:columns-1]) + ">")
		}
		b.Write(append(line[:len(line):len(line)], '\n'))
	}
	return b.Bytes()
}
