//go:build !cgo || !linux

package cuda

// Open opens the driver's library by its path; "" is Library. This build cannot.
func Open(string) (Driver, error) {
	return nil, missing("this build has no cgo, or is not for Linux: it cannot use a GPU")
}
