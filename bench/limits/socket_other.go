//go:build !linux && !darwin

package limits

import (
	"errors"
	"time"
)

type socket struct{}

func connected(time.Duration, string) (sender, receiver socket, err error) {
	return socket{}, socket{}, errors.ErrUnsupported
}

func (socket) write([]byte) (int, error) { return 0, errors.ErrUnsupported }

func (socket) read([]byte) (int, error) { return 0, errors.ErrUnsupported }

func (socket) writev([][]byte) (int, error) { return 0, errors.ErrUnsupported }

func (socket) readv([][]byte) (int, error) { return 0, errors.ErrUnsupported }

func (socket) control(string) error { return errors.ErrUnsupported }

func (socket) close() error { return nil }
