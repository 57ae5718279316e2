package record

import (
	"errors"
	"strings"
	"testing"
)

func TestReadIsBounded(t *testing.T) {
	in := strings.NewReader(strings.Repeat(" ", 1000))
	if _, err := read(in, "f", 100); !errors.Is(err, ErrTooLarge) || in.Len() != 1000-101 {
		t.Errorf("got %v after %d bytes, want ErrTooLarge after 101", err, 1000-in.Len())
	}
	if recs, err := read(strings.NewReader(strings.Repeat("\n", 100)), "f", 100); err != nil || len(recs) != 0 {
		t.Errorf("as long as the limit: %v", err)
	}
}
