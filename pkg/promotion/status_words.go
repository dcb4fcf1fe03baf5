package promotion

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/output"
)

// waits says the one thing that a promotion waits for most: what failed comes before
// what could not be read, that before what somebody has to do, and that before what
// only takes time, of which the longest counts.
func waits(verdicts []gate.Verdict, facts gate.Facts) string {
	blocking := gate.Blocking(verdicts)
	if len(blocking) == 0 {
		return ""
	}
	slices.SortStableFunc(blocking, func(a, b gate.Verdict) int {
		if order := urgency(a) - urgency(b); order != 0 {
			return order
		}
		return b.Until.Compare(a.Until)
	})
	text := phrase(blocking[0], facts)
	if more := len(blocking) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

func urgency(v gate.Verdict) int {
	switch {
	case v.State == gate.Fail:
		return 0
	case v.State != gate.Pending:
		return 1
	case v.Until.IsZero():
		return 2
	}
	return 3
}

// phrase says what one gate waits for, by the service's clock.
func phrase(v gate.Verdict, facts gate.Facts) string {
	switch {
	case v.State == gate.Fail:
		return fmt.Sprintf("blocked by %s: %s", v.Gate, v.Reason)
	case v.State != gate.Pending:
		return fmt.Sprintf("%s unknown: %s", v.Gate, v.Reason)
	case v.Gate == "freeze" && !v.Until.IsZero():
		return "frozen until " + clockTime(v.Until, facts)
	case !v.Until.IsZero() && v.Until.After(facts.Now):
		return fmt.Sprintf("%s: %s left", v.Gate, span(v.Until.Sub(facts.Now)+time.Minute-time.Second))
	case v.Gate == "approvals":
		return "waits for " + v.Reason
	}
	return fmt.Sprintf("waits for %s: %s", v.Gate, v.Reason)
}

// clockTime writes a time as the windows of the freeze do: in their zone, if they
// have one in common, and with the day of the week if it is within one.
func clockTime(t time.Time, facts gate.Facts) string {
	zone := time.UTC
	for i, window := range facts.To.Gates.Freeze {
		_, _, own, err := window.Bounds()
		if err != nil || i > 0 && own.String() != zone.String() {
			zone = time.UTC
			break
		}
		zone = own
	}
	if t.Sub(facts.Now) < 7*24*time.Hour {
		return t.In(zone).Format("Mon 15:04 MST")
	}
	return t.In(zone).Format("2006-01-02 15:04 MST")
}

// span writes a length of time in its two largest units, rounded down.
func span(d time.Duration) string {
	minutes := int(d / time.Minute)
	hours, days := minutes/60, minutes/60/24
	switch {
	case hours < 1:
		return fmt.Sprintf("%dm", minutes)
	case days < 1 && minutes%60 == 0:
		return fmt.Sprintf("%dh", hours)
	case days < 1:
		return fmt.Sprintf("%dh%02dm", hours, minutes%60)
	case days < 14 && hours%24 != 0:
		return fmt.Sprintf("%dd%dh", days, hours%24)
	}
	return fmt.Sprintf("%dd", days)
}

// age says how long ago something was.
func age(since, now time.Time) string {
	if now.Sub(since) < time.Minute {
		return "now"
	}
	return span(now.Sub(since)) + " ago"
}

// why says what is unknown about an environment that needs to be known, and why.
func (e EnvironmentStatus) why() string {
	text := e.words()
	for _, each := range e.Unknown {
		if each.Fact == "relation" || each.Fact == "promotion" {
			text += ": " + output.Clean(each.Reason)
		}
	}
	return text
}

// unreadFix says what to do about it. Where only a gate could not tell, verifying says
// more.
func (e EnvironmentStatus) unreadFix(cause error) string {
	switch {
	case errors.Is(cause, forge.ErrAccess):
		return "give the token what it lacks, then run the same command again: what cannot be read blocks"
	case e.Open != nil:
		return e.Next
	}
	return "run the same command again: what could not be read blocks"
}

// joined says what keeps environments from being up to date. See [StatusReport.Err].
func joined(environments []EnvironmentStatus) error {
	var all []error
	for _, env := range environments {
		if env.State == EdgeUpToDate {
			continue
		}
		blocked := &Blocked{What: env.Name, State: gate.Fail, Reason: env.words(), Fix: env.Next}
		switch env.State {
		case EdgeBehind, EdgeWaiting, EdgeReady:
			blocked.State = gate.Pending
		case EdgeUnknown:
			blocked.State, blocked.Cause = gate.Unknown, errors.Join(env.unreadErr...)
			blocked.Reason, blocked.Fix = env.why(), env.unreadFix(blocked.Cause)
		}
		all = append(all, blocked)
	}
	return errors.Join(all...)
}
