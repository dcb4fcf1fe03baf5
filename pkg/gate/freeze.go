package gate

import (
	"fmt"
	"time"

	"github.com/getpawl/pawl/pkg/config"
)

const freezeGate = "freeze"

// freeze asks whether nothing may enter the environment now. Windows that touch or
// overlap make one freeze. Where the clocks change, it is the longer of two readings
// that counts: of a time that is there twice, the earlier as a beginning and the
// later as an end; a time that is left out stands for the moment of the change.
func freeze(facts Facts) Verdict {
	if facts.Now.IsZero() {
		return unknown(freezeGate, fmt.Errorf("the service's time: %w", errNotAsked))
	}
	periods, err := parsePeriods(facts.To.Gates.Freeze)
	if err != nil {
		return unknown(freezeGate, err)
	}
	window, until := thaw(periods, facts.Now)
	if window == nil {
		return Verdict{Gate: freezeGate, State: Pass, Reason: "no freeze now"}
	}
	verdict := Verdict{Gate: freezeGate, State: Pending, Reason: "frozen", Evidence: []string{spellWindow(*window)}}
	if window.Reason != "" {
		verdict.Reason = fmt.Sprintf("frozen (%s)", window.Reason)
	}
	if until.IsZero() {
		verdict.Reason += " without an end in sight"
	} else {
		verdict.Until = until.UTC()
		verdict.Reason += " until " + stamp(until)
	}
	return override(facts, verdict)
}

// maxJoined bounds how many windows are followed from the end of one to the next.
const maxJoined = 400

// thaw returns the window that a time is in, and when the freeze ends: with the
// window, or with another that begins before it ends. The end is the zero time when
// there is none in sight.
func thaw(periods []period, now time.Time) (*config.Window, time.Time) {
	within, until := frozen(periods, now)
	if within == nil {
		return nil, time.Time{}
	}
	for range maxJoined {
		next, end := frozen(periods, until)
		if next == nil {
			return within, until
		}
		until = end
	}
	return within, time.Time{}
}

// period is a window whose bounds were read.
type period struct {
	config.Window
	from, to config.Moment
	zone     *time.Location
}

func parsePeriods(windows []config.Window) ([]period, error) {
	periods := make([]period, len(windows))
	for i, window := range windows {
		from, to, zone, err := window.Bounds()
		if err != nil {
			return nil, err
		}
		periods[i] = period{window, from, to, zone}
	}
	return periods, nil
}

// override lets a person set the freeze aside, with a reason that everybody can read.
func override(facts Facts, verdict Verdict) Verdict {
	for _, o := range facts.Overrides {
		if o.Gate != freezeGate {
			continue
		}
		if o.Reason == "" || o.Who == "" {
			verdict.Evidence = append(verdict.Evidence, "an override without a reason, or by nobody, does not count")
			continue
		}
		evidence := fmt.Sprintf("overridden by %s: %s", o.Who, o.Reason)
		return Verdict{Gate: freezeGate, State: Pass, Reason: fmt.Sprintf("overridden by %s (%s); %s", o.Who, o.Reason, verdict.Reason),
			Evidence: append(verdict.Evidence, evidence)}
	}
	return verdict
}

func spellWindow(w config.Window) string {
	text := fmt.Sprintf("window from %s to %s", w.From, w.To)
	if w.Zone != "" {
		text += ", " + w.Zone
	}
	return text
}

// frozen finds the window that a time is in, and its end; of several, the one that
// ends last.
func frozen(periods []period, now time.Time) (*config.Window, time.Time) {
	var found *config.Window
	var until time.Time
	for i, p := range periods {
		if end, in := p.contains(now); in && end.After(until) {
			found, until = &periods[i].Window, end
		}
	}
	return found, until
}

// contains says whether a time is in the window, and when that ends.
func (p period) contains(now time.Time) (time.Time, bool) {
	if p.from.Form != config.Weekly {
		end := last(p.to, p.to.Time, p.zone)
		return end, !now.Before(first(p.from, p.from.Time, p.zone)) && now.Before(end)
	}
	length := calendar(p.to) - calendar(p.from)
	if length <= 0 {
		length += 7 * 24 * time.Hour
	}
	local := now.In(p.zone)
	midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
	sunday := midnight.AddDate(0, 0, -int(local.Weekday()))
	var until time.Time
	for week := -2; week <= 1; week++ {
		begin := sunday.AddDate(0, 0, 7*week).Add(calendar(p.from))
		end := last(p.to, begin.Add(length), p.zone)
		if now.Before(end) && end.After(until) && !now.Before(first(p.from, begin, p.zone)) {
			until = end
		}
	}
	return until, !until.IsZero()
}

// calendar is how far into its week a weekly moment is.
func calendar(m config.Moment) time.Duration {
	return time.Duration(m.Weekday)*24*time.Hour + time.Duration(m.Time.Hour())*time.Hour + time.Duration(m.Time.Minute())*time.Minute
}

// first is the earliest moment that the beginning of a window can mean.
func first(m config.Moment, wall time.Time, zone *time.Location) time.Time {
	if m.Form == config.Instant {
		return wall
	}
	early, _ := moments(wall, zone)
	return early
}

// last is the latest moment that the end of a window can mean.
func last(m config.Moment, wall time.Time, zone *time.Location) time.Time {
	if m.Form == config.Instant {
		return wall
	}
	_, late := moments(wall, zone)
	return late
}

// moments returns the first and the last moment at which the wall clock of a zone
// shows a time, given in UTC. When the clock leaves the time out, both are the
// moment at which it jumps over it.
//
// It does not use ZoneBounds of package time, which ends a period on December 31 of
// a leap year at that very day, so that going from period to period never ends.
func moments(wall time.Time, zone *time.Location) (early, late time.Time) {
	const reach = 16 * time.Hour // no zone is further from UTC
	for _, near := range []time.Time{wall.Add(-reach), wall, wall.Add(reach)} {
		offset := offsetAt(near, zone)
		at := wall.Add(-offset)
		if offsetAt(at, zone) != offset {
			continue
		}
		if early.IsZero() || at.Before(early) {
			early = at
		}
		if at.After(late) {
			late = at
		}
	}
	if early.IsZero() {
		jump := jumpOver(wall, wall.Add(-reach), wall.Add(reach), zone)
		return jump, jump
	}
	return early, late
}

// jumpOver finds the first second between two moments at which the clock shows the
// time or a later one.
func jumpOver(wall, before, after time.Time, zone *time.Location) time.Time {
	for after.Sub(before) > time.Second {
		middle := before.Add(after.Sub(before) / 2).Truncate(time.Second)
		if middle.Add(offsetAt(middle, zone)).Before(wall) {
			before = middle
		} else {
			after = middle
		}
	}
	return after
}

// offsetAt is how far the clock of a zone is ahead of UTC.
func offsetAt(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}
