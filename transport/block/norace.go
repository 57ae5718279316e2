//go:build !race

package block

const race = false
