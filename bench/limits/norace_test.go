//go:build !race

package limits

const race = false
