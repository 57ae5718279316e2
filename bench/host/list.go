package host

import (
	"errors"
	"fmt"
	"strings"

	"github.com/commbench/commbench/transport/numa"
)

const maxCPUs = 8192 // the most that Linux is built for, and that a damaged file may have us look at

// list is a file that holds a list of at least one number.
func (f files) list(path string) ([]int, error) {
	text, err := f.text(path)
	if err != nil {
		return nil, err
	}
	numbers, err := numa.ParseList(text)
	switch {
	case err != nil:
	case len(numbers) == 0:
		err = errors.New("the list is empty")
	case numbers[len(numbers)-1] >= maxCPUs:
		err = fmt.Errorf("it has number %d: expected less than %d", numbers[len(numbers)-1], maxCPUs)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return numbers, nil
}

// listText is a file that holds a list, as the kernel writes it.
func (f files) listText(path string) (string, error) {
	text, err := f.text(path)
	if err != nil {
		return "", err
	}
	if _, err := numa.ParseList(text); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return strings.TrimSpace(text), nil
}
