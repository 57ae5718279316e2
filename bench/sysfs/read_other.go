//go:build !linux

package sysfs

import (
	"bytes"
	"io"
	"os"
)

// Read appends to buf what a file has, up to its end or until most bytes are there.
func Read(path string, buf []byte, most int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return buf, err
	}
	defer f.Close()
	b := bytes.NewBuffer(buf)
	_, err = b.ReadFrom(io.LimitReader(f, int64(most-len(buf))))
	return b.Bytes(), err
}
