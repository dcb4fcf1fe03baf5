package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Window is a time at which nothing enters an environment: every week from one day and time to another, or once from one date to another.
type Window struct {
	// The beginning of the window: a day of the week and a time, "Fri 16:00"; a date with or without a time, "2026-12-20 16:00"; or an instant, "2026-12-20T16:00:00Z".
	From string `json:"from"`
	// The end of the window, in the same form. This moment itself is not in the window.
	To string `json:"to"`
	// The IANA time zone of From and To: Europe/Berlin. Instants have none.
	Zone string `json:"zone,omitempty"`
	// Told to those who have to wait.
	Reason string `json:"reason,omitempty"`
}

// Form is how the beginning and the end of a window are written.
type Form int

// The forms.
const (
	Weekly  Form = iota + 1 // "Fri 16:00", in a zone
	Dated                   // "2026-12-20 16:00", in a zone
	Instant                 // "2026-12-20T16:00:00Z"
)

// Moment is the beginning or the end of a window. Time reads as written: for a
// weekly one only hour and minute count, for a dated one it is the wall clock in
// the window's zone, set in UTC.
type Moment struct {
	Form    Form
	Weekday time.Weekday // of a weekly one
	Time    time.Time
}

// What a moment looks like, in the syntax that Go and JavaScript have in common.
const (
	clockPattern   = `([01][0-9]|2[0-3]):[0-5][0-9]`
	datePattern    = `[0-9]{4}-[0-9]{2}-[0-9]{2}`
	weeklyPattern  = `(Mon|Tue|Wed|Thu|Fri|Sat|Sun) ` + clockPattern
	datedPattern   = datePattern + `([ T]` + clockPattern + `)?`
	instantPattern = datePattern + `T` + clockPattern + `:[0-5][0-9](Z|[+-]` + clockPattern + `)`
	momentPattern  = `^(` + weeklyPattern + `|` + datedPattern + `|` + instantPattern + `)$`
	zonePattern    = `^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`
)

var (
	weeklyRegexp  = regexp.MustCompile(`^` + weeklyPattern + `$`)
	datedRegexp   = regexp.MustCompile(`^` + datedPattern + `$`)
	instantRegexp = regexp.MustCompile(`^` + instantPattern + `$`)
	zoneRegexp    = regexp.MustCompile(zonePattern)
)

// ParseMoment reads the beginning or the end of a window.
func ParseMoment(text string) (Moment, error) {
	var m Moment
	layout := ""
	switch {
	case weeklyRegexp.MatchString(text):
		m.Form, layout = Weekly, "15:04"
		for day := time.Sunday; day <= time.Saturday; day++ {
			if strings.HasPrefix(text, day.String()[:3]) {
				m.Weekday = day
			}
		}
		text = text[len("Mon "):]
	case instantRegexp.MatchString(text):
		m.Form, layout = Instant, time.RFC3339
	case datedRegexp.MatchString(text):
		m.Form, layout = Dated, "2006-01-02 15:04"[:len(text)]
		text = strings.Replace(text, "T", " ", 1)
	default:
		return m, errors.New(`write a day and a time, "Fri 16:00", or a date, "2026-12-20 16:00", or an instant, "2026-12-20T16:00:00Z"`)
	}
	at, err := time.Parse(layout, text)
	if err != nil {
		return m, errors.New("there is no such date")
	}
	m.Time = at
	return m, nil
}

// Bounds reads a window. The zone is UTC for instants.
func (w Window) Bounds() (from, to Moment, zone *time.Location, err error) {
	if from, err = ParseMoment(w.From); err != nil {
		return from, to, nil, fmt.Errorf("the beginning %q of a freeze window: %w", w.From, err)
	}
	if to, err = ParseMoment(w.To); err != nil {
		return from, to, nil, fmt.Errorf("the end %q of a freeze window: %w", w.To, err)
	}
	if from.Form != to.Form {
		return from, to, nil, fmt.Errorf("the beginning and the end of the freeze window from %q to %q have different forms", w.From, w.To)
	}
	if from.Form == Instant {
		return from, to, time.UTC, nil
	}
	zone, err = loadZone(w.Zone)
	return from, to, zone, err
}

func checkMoment(text string) error {
	_, err := ParseMoment(text)
	return err
}

func checkZone(name string) error {
	if !zoneRegexp.MatchString(name) {
		return errNoZone
	}
	_, err := loadZone(name)
	return err
}

func (r *reader) freeze(v value) []Window {
	var windows []Window
	r.list(v, maxFreezes, func(item value) { windows = append(windows, r.window(item)) })
	return windows
}

func (r *reader) window(v value) Window {
	var w Window
	var to, zone value
	before := len(r.problems)
	r.mapping(v,
		key{name: "from", required: true, read: func(v value) { w.From, _ = r.text(v, checkMoment) }},
		key{name: "to", required: true, read: func(v value) { to = v; w.To, _ = r.text(v, checkMoment) }},
		key{name: "zone", read: func(v value) { zone = v; w.Zone, _ = r.text(v, checkZone) }},
		key{name: "reason", read: func(v value) { w.Reason, _ = r.text(v, checkText) }},
	)
	if len(r.problems) == before {
		r.bounds(w, v, to, zone)
	}
	return w
}

// bounds refuses a window whose beginning and end do not go together.
func (r *reader) bounds(w Window, at, to, zone value) {
	first, _ := ParseMoment(w.From) // both were checked when they were read
	last, _ := ParseMoment(w.To)
	switch {
	case first.Form != last.Form:
		r.problem(to, "write the end in the same form as the beginning, %s", quote(w.From))
	case first.Form == Instant && zone.Node != nil:
		r.problem(zone, "the instants say their zone already; remove the key")
	case first.Form != Instant && zone.Node == nil:
		r.problem(at, "the key %q is missing: in which zone is %s?", "zone", quote(w.From))
	case first.Form == Weekly && w.From == w.To:
		r.problem(to, "the window ends when it begins; a whole week has to be written as two windows")
	case first.Form != Weekly && !last.Time.After(first.Time):
		r.problem(to, "the window ends before it begins")
	}
}
