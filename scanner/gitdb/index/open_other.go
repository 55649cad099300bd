//go:build !unix

package index

const openNonblock = 0
