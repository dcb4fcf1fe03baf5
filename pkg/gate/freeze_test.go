package gate

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/config"
)

// The gate agrees, at every quarter of an hour of two years (or at every seventeenth
// of them, without PAWL_FULL=1), with a clock that is watched minute by minute: a window begins at the first minute at which the clock
// of its zone shows the beginning or more, and ends after the last one at which it
// shows less than the end, or at the last one at which it shows the end.
func TestFreezeAgainstBruteForce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		zone string
		year int
	}{
		{"Europe/Berlin", 2027}, {"America/New_York", 2026}, {"Australia/Lord_Howe", 2025}, {"America/Sao_Paulo", 2017}, {"UTC", 2026},
	} {
		t.Run(test.zone, func(t *testing.T) {
			t.Parallel()
			_, _, zone, err := config.Window{From: "Mon 00:00", To: "Tue 00:00", Zone: test.zone}.Bounds()
			if err != nil {
				t.Fatal(err)
			}
			clock := watch(zone, time.Date(test.year, 1, 1, 0, 0, 0, 0, time.UTC))
			checked := 0
			for _, windows := range windowSets(test.zone, test.year) {
				checked += clock.compare(t, windows)
			}
			t.Logf("%d verdicts", checked)
		})
	}
}

// windowSets are weekly windows over the hours at which clocks change in those
// zones, on all days, some of them round the end of the week or next to each other,
// and dated ones.
func windowSets(zone string, year int) [][]config.Window {
	weekly := func(from, to string) config.Window { return config.Window{From: from, To: to, Zone: zone} }
	sets := [][]config.Window{
		{weekly("Fri 16:00", "Mon 08:00")},
		{weekly("Sat 02:30", "Sun 02:30")},
		{weekly("Sun 02:30", "Sun 03:15")},
		{weekly("Sun 00:15", "Sat 23:45")},
		{weekly("Sun 01:45", "Mon 00:00"), weekly("Mon 00:00", "Mon 01:00"), weekly("Wed 12:00", "Thu 12:00"), weekly("Thu 09:00", "Thu 15:00")},
		{weekly("Fri 00:00", "Fri 00:30"), weekly("Thu 23:45", "Fri 00:15")},
	}
	date := func(month, day int, clock string) string {
		return fmt.Sprintf("%d-%02d-%02d%s", year, month, day, clock)
	}
	var dated []config.Window
	for month := 1; month <= 12; month++ {
		dated = append(dated, weekly(date(month, 1, ""), date(month, 5, " 02:30")), weekly(date(month, 25, " 02:15"), date(month, 27, " 01:45")))
	}
	return append(sets, dated)
}

// watched is what the clock on a wall showed in each minute of two years and a
// fortnight before and after, in minutes since 1970.
type watched struct {
	start time.Time
	shown []int64
}

func watch(zone *time.Location, year time.Time) watched {
	w := watched{start: year.AddDate(0, 0, -15)}
	for at := w.start; at.Before(year.AddDate(2, 0, 15)); at = at.Add(time.Minute) {
		_, offset := at.In(zone).Zone()
		w.shown = append(w.shown, (at.Unix()+int64(offset))/60)
	}
	return w
}

// span is a part of the watched minutes, without the last.
type span struct{ from, to int }

// find looks for the minutes of a window whose bounds the wall shows. The clock is
// never more than a day away from UTC.
func (w watched) find(from, to int64) (span, bool) {
	guess := func(wall int64) int { return int(wall - w.start.Unix()/60) }
	const day = 24 * 60
	if guess(from) < day || guess(to) > len(w.shown)-day {
		return span{}, false
	}
	found := span{from: guess(from) - day, to: guess(to) + day}
	for w.shown[found.from] < from {
		found.from++
	}
	for w.shown[found.to-1] > to {
		found.to--
	}
	if w.shown[found.to-1] == to {
		found.to--
	}
	return found, found.to > found.from
}

func (w watched) spans(t *testing.T, window config.Window) []span {
	t.Helper()
	from, to, _, err := window.Bounds()
	if err != nil {
		t.Fatal(err)
	}
	if from.Form == config.Dated {
		if s, ok := w.find(from.Time.Unix()/60, to.Time.Unix()/60); ok {
			return []span{s}
		}
		return nil
	}
	var spans []span
	sunday := w.start.AddDate(0, 0, -int(w.start.Weekday())).Unix() / 60
	minute := func(m config.Moment) int64 {
		return int64(m.Weekday)*1440 + int64(m.Time.Hour())*60 + int64(m.Time.Minute())
	}
	for ; sunday < w.start.AddDate(2, 1, 0).Unix()/60; sunday += 7 * 1440 {
		begin, end := sunday+minute(from), sunday+minute(to)
		if end <= begin {
			end += 7 * 1440
		}
		if s, ok := w.find(begin, end); ok {
			spans = append(spans, s)
		}
	}
	return spans
}

// compare asks the gate at every quarter of an hour and returns how often it did.
func (w watched) compare(t *testing.T, windows []config.Window) int {
	t.Helper()
	frozen := make([]bool, len(w.shown))
	for _, window := range windows {
		for _, s := range w.spans(t, window) {
			for i := s.from; i < s.to; i++ {
				frozen[i] = true
			}
		}
	}
	thaws := make([]int, len(frozen)) // the first minute from here that is not frozen
	for i := len(frozen) - 1; i >= 0; i-- {
		thaws[i] = i
		if frozen[i] && i+1 < len(frozen) {
			thaws[i] = thaws[i+1]
		}
	}
	periods, err := parsePeriods(windows)
	if err != nil {
		t.Fatal(err)
	}
	step := 15 * 17 // minutes: every quarter of every hour has its turn
	if os.Getenv("PAWL_FULL") != "" {
		step = 15
	}
	checked, wrong := 0, 0
	for i := 15 * 1440; i < len(frozen)-15*1440 && wrong < 3; i += step {
		now := w.start.Add(time.Duration(i) * time.Minute)
		window, end := thaw(periods, now)
		checked++
		var until time.Time
		if frozen[i] {
			until = w.start.Add(time.Duration(thaws[i]) * time.Minute)
		}
		if (window != nil) != frozen[i] || !end.Equal(until) {
			wrong++
			t.Errorf("%v at %s: frozen=%v until %v, want frozen=%v until %v", windows, now, window != nil, end, frozen[i], until)
		}
	}
	return checked
}

func TestFreeze(t *testing.T) {
	t.Parallel()
	weekend := config.Window{From: "Sat 00:00", To: "Mon 08:00", Zone: "UTC", Reason: "the weekend"} // noon is a Sunday
	monday := config.Window{From: "Mon 08:00", To: "Mon 09:00", Zone: "UTC"}
	week := []config.Window{{From: "Mon 00:00", To: "Fri 00:00", Zone: "UTC"}, {From: "Fri 00:00", To: "Mon 00:00", Zone: "UTC"}}
	instants := config.Window{From: "2026-03-01T12:00:00Z", To: "2026-03-01T14:00:00+01:00"}
	why := []Override{{Gate: "freeze", Reason: "outage", Who: "ada"}}
	tests := []struct {
		name      string
		windows   []config.Window
		now       time.Time
		overrides []Override
		want      State
		until     time.Time
		reason    string
	}{
		{"open", []config.Window{monday}, noon, nil, Pass, time.Time{}, "no freeze now"},
		{"frozen", []config.Window{weekend}, noon, nil, Pending, noon.Add(20 * time.Hour), "frozen (the weekend) until 2026-03-02T08:00:00Z"},
		{"windows that touch", []config.Window{monday, weekend}, noon, nil, Pending, noon.Add(21 * time.Hour), "frozen (the weekend) until 2026-03-02T09:00:00Z"},
		{"its beginning", []config.Window{instants}, noon, nil, Pending, noon.Add(time.Hour), "frozen until 2026-03-01T13:00:00Z"},
		{"before it", []config.Window{instants}, noon.Add(-time.Second), nil, Pass, time.Time{}, "no freeze now"},
		{"its end", []config.Window{instants}, noon.Add(time.Hour), nil, Pass, time.Time{}, "no freeze now"},
		{"always", week, noon, nil, Pending, time.Time{}, "frozen without an end in sight"},
		{"no time", []config.Window{monday}, time.Time{}, nil, Unknown, time.Time{}, "could not find out: the service's time: this was not looked up"},
		{"a zone that went away", []config.Window{{From: "Sat 00:00", To: "Mon 08:00", Zone: "Mars/Base"}}, noon, nil, Unknown, time.Time{},
			"could not find out: there is no such time zone; write its IANA name, such as Europe/Berlin or UTC"},
		{"a zone that went away, overridden", []config.Window{{From: "Sat 00:00", To: "Mon 08:00", Zone: "Mars/Base"}}, noon, why, Unknown, time.Time{},
			"could not find out: there is no such time zone; write its IANA name, such as Europe/Berlin or UTC"},
		{"overridden", []config.Window{weekend}, noon, why, Pass, time.Time{},
			"overridden by ada (outage); frozen (the weekend) until 2026-03-02T08:00:00Z"},
		{"nothing to override", []config.Window{monday}, noon, why, Pass, time.Time{}, "no freeze now"},
		{"no reason", []config.Window{weekend}, noon, []Override{{Gate: "freeze", Who: "ada"}}, Pending, noon.Add(20 * time.Hour),
			"frozen (the weekend) until 2026-03-02T08:00:00Z"},
		{"nobody", []config.Window{weekend}, noon, []Override{{Gate: "freeze", Reason: "outage"}}, Pending, noon.Add(20 * time.Hour),
			"frozen (the weekend) until 2026-03-02T08:00:00Z"},
		{"another gate", []config.Window{weekend}, noon, []Override{{Gate: "checks", Reason: "outage", Who: "ada"}}, Pending, noon.Add(20 * time.Hour),
			"frozen (the weekend) until 2026-03-02T08:00:00Z"},
	}
	for _, test := range tests {
		got := freeze(Facts{Now: test.now, To: config.Environment{Gates: config.Gates{Freeze: test.windows}}, Overrides: test.overrides})
		if got.State != test.want || !got.Until.Equal(test.until) || got.Reason != test.reason {
			t.Errorf("%s: got %s until %v (%s), want %s until %v (%s)", test.name, got.State, got.Until, got.Reason, test.want, test.until, test.reason)
		}
	}
}

// Only a freeze can be set aside.
func TestOverridesOfOtherGatesChangeNothing(t *testing.T) {
	t.Parallel()
	facts := good()
	facts.Statuses.Err = errLost
	for _, gate := range []string{"edge", "fast-forward", "earned", "checks", "approvals", "soak", "freeze", "images", "changes", "secrets", ""} {
		facts.Overrides = append(facts.Overrides, Override{Gate: gate, Reason: "I want to", Who: "ada"})
		if Overridable(gate) != (gate == "freeze") {
			t.Errorf("%s can be overridden: %v", gate, Overridable(gate))
		}
	}
	if got := Of(Evaluate(facts), "checks"); got.State != Unknown {
		t.Errorf("checks were overridden: %+v", got)
	}
}
