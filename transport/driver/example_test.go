package driver_test

import (
	"fmt"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/mem"
)

// noisy is a driver around another one: it changes what it wants to and leaves
// the rest to the driver inside.
type noisy struct{ driver.Driver }

func (n noisy) Name() string { return "noisy-" + n.Driver.Name() }

func (n noisy) Listen(place driver.Place, opts driver.Options) (driver.Endpoint, error) {
	fmt.Printf("rank %d of %d listens\n", place.Rank, place.Size)
	return n.Driver.Listen(place, opts)
}

func ExampleDriver() {
	d := noisy{mem.New()}
	fmt.Println(d.Name())
	if _, err := d.Listen(driver.Place{World: "example", Rank: 0, Size: 2}, driver.Options{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// noisy-mem
	// rank 0 of 2 listens
}
