//go:build !linux && !darwin

package drivertest

import "github.com/commbench/commbench/transport/driver"

const canShare = false

func mapFile(string, int) ([]byte, error) { return nil, driver.ErrNotSupported }
func unmap([]byte) error                  { return driver.ErrNotSupported }

func allocFile(string, int) (driver.Memory, string, error) {
	return nil, "", driver.ErrNotSupported
}

func allocOwn(driver.Driver, int) (driver.Memory, string, error) {
	return nil, "", driver.ErrNotSupported
}
