package gate

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
)

// What the gates say of facts, they say of a snapshot of them.
func TestSnapshotSaysTheSame(t *testing.T) {
	t.Parallel()
	checkTable, approvalTable, soakTable := table(t, checkRows, 4), table(t, approvalRows, 3), table(t, soakRows, 4)
	rapid.Check(t, func(r *rapid.T) {
		facts := good()
		facts.Permissions = map[string]Fact[forge.Permission]{}
		row := rapid.SampledFrom(soakTable).Draw(r, "soak")
		moved(t, &facts, row[0])
		configureSoak(t, &facts, row[1])
		row = rapid.SampledFrom(checkTable).Draw(r, "checks")
		facts.To.Gates.Checks = named(strings.Fields(row[0])...)
		facts.To.Gates.Soak = config.Duration(rapid.IntRange(1, 5000).Draw(r, "minutes")) * config.Duration(time.Minute)
		reported(t, &facts, row[2])
		row = rapid.SampledFrom(approvalTable).Draw(r, "approvals")
		reviewed(t, &facts, row[1])
		configureApprovals(t, &facts, row[0])
		drawRest(r, &facts)
		data, err := Encode(facts)
		if err != nil {
			r.Fatalf("encoding: %v", err)
		}
		again, err := Decode(data)
		if err != nil {
			r.Fatalf("decoding: %v\n%s", err, data)
		}
		before, after := verdictsOf(r, facts), verdictsOf(r, again)
		if before != after {
			r.Errorf("before: %s\nafter:  %s", before, after)
		}
		twice, err := Encode(again)
		if err != nil || string(twice) != string(data) {
			r.Errorf("a snapshot of a snapshot differs: %v\n%s\n%s", err, data, twice)
		}
	})
}

// drawRest draws facts of the gates that have no table with settings for it, with
// texts that nobody expects.
func drawRest(r *rapid.T, facts *Facts) {
	text := rapid.String()
	lost := fmt.Errorf("%s: %w", rapid.StringOfN(rapid.Rune(), 0, 5, -1).Draw(r, "lost"),
		rapid.SampledFrom([]error{errLost, forge.ErrAccess, forge.ErrTransient, errors.New("\xff\xfe")}).Draw(r, "kind"))
	maybe := func(name string) bool { return rapid.Bool().Draw(r, name) }
	facts.To.Gates.Images, facts.To.Gates.Changes, facts.To.Gates.Secrets = &config.ImageRules{}, &config.ChangeRules{Allow: []string{"a/**"}}, "on"
	zone := rapid.SampledFrom([]string{"", "UTC", "Europe/Berlin"}).Draw(r, "zone")
	facts.To.Gates.Freeze = []config.Window{{From: "Sat 00:00", To: "Mon 08:00", Zone: zone, Reason: text.Draw(r, "reason")}}
	facts.Now = facts.Now.Add(time.Duration(rapid.Int64Range(0, 1e16).Draw(r, "now"))).In(time.FixedZone("x", 3600))
	if maybe("override") {
		facts.Overrides = []Override{{Gate: "freeze", Reason: text.Draw(r, "why"), Who: text.Draw(r, "who")}}
	}
	if facts.PullRequest != nil {
		facts.PullRequest.Head, facts.PullRequest.Title = text.Draw(r, "head"), text.Draw(r, "title")
	}
	facts.Images = Known([]Image{{Name: text.Draw(r, "image"), Now: []string{text.Draw(r, "from")}, Next: []string{text.Draw(r, "to")}}})
	facts.RolledBack = Known([]RolledBack(nil))
	facts.Leaks = Known([]Leak{{Path: text.Draw(r, "path"), Line: 3, Rule: text.Draw(r, "rule")}})
	if maybe("changes") {
		facts.Changes = Known([]Change{{Path: text.Draw(r, "changed"), Old: modeFile, New: text.Draw(r, "mode")}})
	}
	if maybe("lost") {
		facts.Statuses = Unread[[]forge.Status](lost)
		facts.Leaks = Unread[[]Leak](lost)
		facts.Introduced = map[string]Fact[[][]string]{"api": Unread[[][]string](lost)}
	}
	if maybe("unread") {
		facts.Comparison, facts.Reviews, facts.RolledBack = Fact[forge.Comparison]{}, Fact[[]forge.Review]{}, Unread[[]RolledBack](lost)
	}
}

func verdictsOf(r *rapid.T, facts Facts) string {
	out, err := json.Marshal(Evaluate(facts))
	if err != nil {
		r.Fatal(err)
	}
	return string(out)
}

// The kind of an error survives, because the exit code follows from it.
func TestSnapshotKeepsTheKindOfErrors(t *testing.T) {
	t.Parallel()
	for _, kind := range append(errorKinds(), errLost) {
		facts := good()
		facts.Statuses = Unread[[]forge.Status](fmt.Errorf("listing: %w", kind))
		data, err := Encode(facts)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if got := again.Statuses.Err; got.Error() != facts.Statuses.Err.Error() || errors.Is(got, kind) == errors.Is(kind, errLost) {
			t.Errorf("%v became %v", facts.Statuses.Err, got)
		}
	}
}

func TestSnapshotIsStrict(t *testing.T) {
	t.Parallel()
	data, err := Encode(good())
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]struct{ old, new, reason string }{
		"another version": {`"version": 2`, `"version": 1`, "reading the snapshot: its version is 1, and this version of pawl reads 2"},
		"no version":      {`"version": 2,`, ``, "reading the snapshot: its version is 0, and this version of pawl reads 2"},
		"an unknown fact": {`"moves"`, `"steps"`, `reading the snapshot: json: unknown field "steps"`},
		"an unknown key":  {`"AheadBy"`, `"Ahead"`, `reading the snapshot: json: unknown field "Ahead"`},
		"an empty fact":   {`"statuses": {`, `"statuses": {}, "landed": {`, "reading the snapshot: a fact has neither a value nor an error"},
	} {
		changed := strings.Replace(string(data), change.old, change.new, 1)
		if changed == string(data) {
			t.Errorf("%s: %s is not in the snapshot:\n%s", name, change.old, data)
		}
		if _, err := Decode([]byte(changed)); err == nil || err.Error() != change.reason {
			t.Errorf("%s: %v, want %s", name, err, change.reason)
		}
	}
	for _, text := range []string{"", "null", "[]", string(data) + "{}", string(data[:len(data)/2])} {
		if _, err := Decode([]byte(text)); err == nil {
			t.Errorf("%.20q was read", text)
		}
	}
}

func TestSnapshotRefusesWhatItCannotKeep(t *testing.T) {
	t.Parallel()
	facts := good()
	facts.To.Gates.Secrets = "on"
	facts.Leaks = Known([]Leak{{Path: "a\xff", Line: 1, Rule: "x"}})
	if _, err := Encode(facts); err == nil {
		t.Error("a path that is not UTF-8 was kept")
	}
}

// No fact is left out when errors are gone through, each time in the same order.
func TestExplain(t *testing.T) {
	t.Parallel()
	facts := good()
	facts.Teams = map[string]Fact[[]string]{"b": {}, "a": {}}
	facts.Introduced = map[string]Fact[[][]string]{"b": {}, "a": {}}
	facts.Permissions = map[string]Fact[forge.Permission]{"b": {}, "a": {}}
	want := 0
	lose := func(fact reflect.Value, name string) reflect.Value {
		lost := reflect.New(fact.Type()).Elem()
		lost.FieldByName("Err").Set(reflect.ValueOf(errors.New(name)))
		want++
		return lost
	}
	isFact := func(each reflect.Type) bool { return strings.HasPrefix(each.Name(), "Fact[") }
	for i := range reflect.TypeFor[Facts]().NumField() {
		field, name := reflect.ValueOf(&facts).Elem().Field(i), reflect.TypeFor[Facts]().Field(i).Name
		switch {
		case isFact(field.Type()):
			field.Set(lose(field, name))
		case field.Kind() == reflect.Map && isFact(field.Type().Elem()):
			for _, key := range field.MapKeys() {
				field.SetMapIndex(key, lose(field.MapIndex(key), name+" "+key.String()))
			}
		}
	}
	var first []string
	for range 20 {
		var seen []string
		facts.Explain(func(err error) error {
			seen = append(seen, err.Error())
			return err
		})
		if first == nil {
			first = seen
		}
		if len(seen) != want || want < 20 || !slices.Equal(seen, first) {
			t.Fatalf("%d of %d: %v, before %v", len(seen), want, seen, first)
		}
	}
	facts.Explain(func(err error) error { return fmt.Errorf("new: %w", err) })
	if facts.Introduced["a"].Err.Error() != "new: Introduced a" || facts.Leaks.Err.Error() != "new: Leaks" {
		t.Error(facts.Introduced["a"].Err, facts.Leaks.Err)
	}
}
