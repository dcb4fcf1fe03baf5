package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Duration is a time in whole minutes, written 90m, 24h, 2d or 1d12h.
type Duration time.Duration

// durationPattern is the form of a duration, in the syntax that Go and JavaScript
// have in common.
const durationPattern = `^([1-9][0-9]{0,3}d)?([1-9][0-9]{0,3}h)?([1-9][0-9]{0,5}m)?$`

var durationRegexp = regexp.MustCompile(durationPattern)

// maxDuration is longer than GitHub is known to keep what it would be measured by.
const maxDuration = 90 * 24 * time.Hour

func parseDuration(text string) (Duration, error) {
	parts := durationRegexp.FindStringSubmatch(text)
	if text == "" || parts == nil {
		return 0, errors.New("write days, hours and minutes: 90m, 24h, 2d or 1d12h")
	}
	var total time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		if part := parts[i+1]; part != "" {
			n, err := strconv.Atoi(part[:len(part)-1])
			if err != nil {
				return 0, fmt.Errorf("reading %q: %w", part, err)
			}
			total += time.Duration(n) * unit
		}
	}
	if total > maxDuration {
		return 0, errors.New("this is longer than 90 days")
	}
	return Duration(total), nil
}

func checkDuration(text string) error {
	_, err := parseDuration(text)
	return err
}

// String writes the duration in hours and minutes: 36h, 1h30m, 45m.
func (d Duration) String() string {
	hours, minutes := int(time.Duration(d)/time.Hour), int(time.Duration(d)%time.Hour/time.Minute)
	switch {
	case hours > 0 && minutes > 0:
		return fmt.Sprintf("%dh%dm", hours, minutes)
	case hours > 0:
		return fmt.Sprintf("%dh", hours)
	}
	return fmt.Sprintf("%dm", minutes)
}

// MarshalText writes the duration so that [Duration.UnmarshalText] reads it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a duration as it is written in the configuration.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := parseDuration(string(text))
	*d = parsed
	return err
}
