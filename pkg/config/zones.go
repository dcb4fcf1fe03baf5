package config

import (
	"bufio"
	"compress/gzip"
	_ "embed" // for the zones
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

//go:generate go test -run ^TestZones$ -update

// zones holds the IANA time zone database, which is in the public domain
// (https://www.iana.org/time-zones), as the Go toolchain has it: for each zone a line
// with its name and its size, and then its data, all of it compressed. It is here,
// rather than the zones of the machine, so that a freeze means the same everywhere,
// also where there are no zones; and it takes a quarter of the room that time/tzdata
// takes.
//
//go:embed zones.gz
var zones string

var errNoZone = errors.New("there is no such time zone; write its IANA name, such as Europe/Berlin or UTC")

// loadZone finds a time zone by its IANA name.
func loadZone(name string) (*time.Location, error) {
	if name == "UTC" {
		return time.UTC, nil
	}
	var found []byte
	err := eachZone(func(zone string, data []byte) bool {
		if zone == name {
			found = data
		}
		return found == nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the time zones: %w", err)
	case found == nil:
		return nil, errNoZone
	}
	return time.LoadLocationFromTZData(name, found)
}

// eachZone goes through the zones until it is told to stop.
func eachZone(visit func(name string, data []byte) bool) error {
	unpacked, err := gzip.NewReader(strings.NewReader(zones))
	if err != nil {
		return err
	}
	in := bufio.NewReader(unpacked)
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name, length, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		size, err := strconv.Atoi(length)
		if err != nil {
			return err
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(in, data); err != nil {
			return err
		}
		if !visit(name, data) {
			return nil
		}
	}
}
