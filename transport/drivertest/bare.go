package drivertest

import "github.com/commbench/commbench/transport/driver"

// Bare is a driver that has nothing but what each must have: it maps no peers, has no
// bells, and what else the one inside has to offer cannot be had. Programs must do
// without, and around faulty's Delay it is as little as a network can be.
func Bare(d driver.Driver) driver.Driver { return bare{d} }

type bare struct{ driver.Driver }

func (bare) Name() string { return "bare" }

func (b bare) Caps() driver.Caps {
	c := b.Driver.Caps()
	c.Mapped = false
	return c
}

func (b bare) Listen(place driver.Place, opts driver.Options) (driver.Endpoint, error) {
	e, err := b.Driver.Listen(place, opts)
	return bareEndpoint{e}, err
}

// What is embedded as an interface has the methods of that, and no others.
type (
	bareEndpoint struct{ driver.Endpoint }
	bareChannel  struct{ driver.Channel }
)

func (e bareEndpoint) Channel(peer, index int) (driver.Channel, error) {
	c, err := e.Endpoint.Channel(peer, index)
	return bareChannel{c}, err
}
