package shm_test

import (
	"testing"

	"github.com/commbench/commbench/transport/drivertest"
)

func TestConformanceProcesses(t *testing.T) { drivertest.RunProcesses(t, newDriver) }
