package config

import (
	"strings"
	"testing"
	"time"
)

// gateFiles are files that differ in their gates.
func gateFiles() []testFile {
	one := func(name, gates string, problems ...string) testFile {
		return testFile{name: "gates: " + name, src: staging + "    gates: {" + gates + "}\n", problems: problems}
	}
	beyond := func(name, gates string, problems ...string) testFile {
		file := one(name, gates, problems...)
		file.beyond = true
		return file
	}
	window := func(name, text string, problems ...string) testFile {
		return one("freeze: "+name, "freeze: [{"+text+"}]", problems...)
	}
	odd := func(name, text string, problems ...string) testFile {
		return beyond("freeze: "+name, "freeze: [{"+text+"}]", problems...)
	}
	const form = `write a day and a time, "Fri 16:00", or a date, "2026-12-20 16:00", or an instant, "2026-12-20T16:00:00Z"`
	return []testFile{
		one("all of them", "requireCurrent: true, checks: [a, {name: 'b/*', app: github-actions}], accept: [neutral, skipped], missingTimeout: 90m, "+
			"approvals: 2, botApprovers: ['renovate-approve[bot]'], codeOwners: true, separateDuties: true, soak: 1d12h, "+
			"freeze: [{from: Fri 16:00, to: Mon 08:00, zone: Europe/Berlin}], images: {}, changes: {allow: [base/**], workflows: true}, secrets: off"),
		one("requireCurrent alone", "requireCurrent: true"),
		one("yes is no boolean", "requireCurrent: yes", `7:29: environments[1].gates.requireCurrent: this must be true or false, not "yes"`),
		one("a boolean in quotes", "requireCurrent: 'true'", `7:29: environments[1].gates.requireCurrent: this must be true or false, not "true"`),
		one("a boolean in capitals", "requireCurrent: [true]", `7:29: environments[1].gates.requireCurrent: this must be a single value, not a list (- item)`),

		one("a pinned check", "checks: [{name: ci, app: 'ci[bot]'}, ci]"),
		one("a pin without a name", "checks: [{app: ci}]", `7:22: environments[1].gates.checks[0]: the key "name" is missing`),
		one("a name without a pin", "checks: [{name: ci}]", `7:22: environments[1].gates.checks[0]: the key "app" is missing`),
		one("a pin that is no account", "checks: [{name: ci, app: ci/cd}]",
			`7:38: environments[1].gates.checks[0].app: "ci/cd": this is neither a login nor the short name of an app`),
		one("a pinned check twice", "checks: [{name: ci, app: a}, {name: ci, app: a}]",
			"7:42: environments[1].gates.checks[1]: this is in the list already, on line 7"),
		beyond("a broken glob", "checks: [{name: 'a[', app: a}]",
			`7:29: environments[1].gates.checks[0].name: "a[": this is not a valid glob: a bracket or brace is not closed, or is empty`),
		one("accept success", "checks: [a], accept: [success]",
			`7:35: environments[1].gates.accept[0]: "success": this must be one of neutral, skipped`),
		beyond("accept without checks", "approvals: 1, accept: [neutral]", "7:35: environments[1].gates.accept: this changes nothing without checks"),
		beyond("a timeout without checks", "approvals: 1, missingTimeout: 1h", "7:43: environments[1].gates.missingTimeout: this changes nothing without checks"),
		beyond("bots without approvals", "soak: 1h, botApprovers: [a]", "7:37: environments[1].gates.botApprovers: this changes nothing without approvals"),
		beyond("duties without approvals", "approvals: 0, separateDuties: true", "7:43: environments[1].gates.separateDuties: this changes nothing without approvals"),
		one("duties of code owners", "codeOwners: true, separateDuties: true"),

		one("soak in seconds", "soak: 90s", `7:19: environments[1].gates.soak: "90s": write days, hours and minutes: 90m, 24h, 2d or 1d12h`),
		one("soak as a number", "soak: 3600", `7:19: environments[1].gates.soak: this must be text; put "3600" in quotes`),
		one("no soak", "soak: ''", `7:19: environments[1].gates.soak: "": write days, hours and minutes: 90m, 24h, 2d or 1d12h`),
		one("zero soak", "soak: 0m", `7:19: environments[1].gates.soak: "0m": write days, hours and minutes: 90m, 24h, 2d or 1d12h`),
		one("soak in the wrong order", "soak: 1m1h", `7:19: environments[1].gates.soak: "1m1h": write days, hours and minutes: 90m, 24h, 2d or 1d12h`),
		one("soak of 90 days", "soak: 90d"),
		beyond("soak of more", "soak: 90d1m", `7:19: environments[1].gates.soak: "90d1m": this is longer than 90 days`),

		window("weekly", "from: Fri 16:00, to: Mon 08:00, zone: UTC"),
		window("with a reason", "from: Fri 16:00, to: Mon 08:00, zone: UTC, reason: the weekend"),
		window("dates", "from: 2026-12-20, to: 2027-01-04, zone: Europe/Berlin"),
		window("dates with times", "from: 2026-12-20 16:00, to: 2027-01-04T08:00, zone: America/Argentina/Buenos_Aires"),
		window("instants", "from: 2026-12-20T00:00:00Z, to: 2027-01-04T00:00:00+01:00"),
		window("a zone with a sign", "from: Fri 16:00, to: Mon 08:00, zone: Etc/GMT+1"),
		window("no end", "from: Fri 16:00, zone: UTC", `7:22: environments[1].gates.freeze[0]: the key "to" is missing`),
		window("a long day", "from: Friday 16:00, to: Mon 08:00, zone: UTC", `7:29: environments[1].gates.freeze[0].from: "Friday 16:00": `+form),
		window("24 hours", "from: Fri 24:00, to: Mon 08:00, zone: UTC", `7:29: environments[1].gates.freeze[0].from: "Fri 24:00": `+form),
		window("a clock without a day", "from: '16:00', to: Mon 08:00, zone: UTC", `7:29: environments[1].gates.freeze[0].from: "16:00": `+form),
		odd("a date that is none", "from: 2026-02-30, to: 2026-03-01, zone: UTC", `7:29: environments[1].gates.freeze[0].from: "2026-02-30": there is no such date`),
		odd("mixed forms", "from: Fri 16:00, to: 2026-03-01, zone: UTC", `7:44: environments[1].gates.freeze[0].to: write the end in the same form as the beginning, "Fri 16:00"`),
		odd("no zone", "from: Fri 16:00, to: Mon 08:00", `7:22: environments[1].gates.freeze[0]: the key "zone" is missing: in which zone is "Fri 16:00"?`),
		odd("a zone too many", "from: 2026-12-20T00:00:00Z, to: 2027-01-04T00:00:00Z, zone: UTC",
			"7:83: environments[1].gates.freeze[0].zone: the instants say their zone already; remove the key"),
		odd("an unknown zone", "from: Fri 16:00, to: Mon 08:00, zone: Europe/Atlantis",
			`7:61: environments[1].gates.freeze[0].zone: "Europe/Atlantis": there is no such time zone; write its IANA name, such as Europe/Berlin or UTC`),
		odd("the zone of the machine", "from: Fri 16:00, to: Mon 08:00, zone: Local",
			`7:61: environments[1].gates.freeze[0].zone: "Local": there is no such time zone; write its IANA name, such as Europe/Berlin or UTC`),
		window("a zone that is a path", "from: Fri 16:00, to: Mon 08:00, zone: ../UTC",
			`7:61: environments[1].gates.freeze[0].zone: "../UTC": there is no such time zone; write its IANA name, such as Europe/Berlin or UTC`),
		odd("nothing between", "from: Fri 16:00, to: Fri 16:00, zone: UTC",
			"7:44: environments[1].gates.freeze[0].to: the window ends when it begins; a whole week has to be written as two windows"),
		odd("backwards", "from: 2026-12-20T00:00:00Z, to: 2026-12-20T00:00:00+01:00", "7:55: environments[1].gates.freeze[0].to: the window ends before it begins"),
		one("too many windows", "freeze: ["+strings.Repeat("{from: Fri 16:00, to: Mon 08:00, zone: UTC},", maxFreezes+1)+"]",
			"7:2222: environments[1].gates.freeze[50]: the list has 51 items; pawl reads at most 50"),

		one("images with all keys", "images: {allowDowngrade: false, allowUnordered: true, allowMutable: true, requireDigest: true}"),
		one("images as a boolean", "images: true", "7:21: environments[1].gates.images: this must be a mapping (key: value), not a single value"),
		one("changes as a list", "changes: [base/**]", "7:22: environments[1].gates.changes: this must be a mapping (key: value), not a list (- item)"),
		one("nothing may change", "changes: {allow: []}", "7:30: environments[1].gates.changes.allow: the list is empty; write at least one item"),
		one("secrets on", "secrets: on"),
		one("secrets maybe", "secrets: maybe", `7:22: environments[1].gates.secrets: "maybe": this must be on or off`),
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		minutes int
		again   string
	}{
		"1m": {1, "1m"}, "90m": {90, "1h30m"}, "24h": {1440, "24h"}, "2d": {2880, "48h"}, "1d12h": {2160, "36h"}, "1d1h1m": {1501, "25h1m"},
	} {
		got, err := parseDuration(text)
		if err != nil || got != Duration(time.Duration(want.minutes)*time.Minute) || got.String() != want.again {
			t.Errorf("%q is %v, %v; want %s", text, got, err, want.again)
		}
		var again Duration
		if err := again.UnmarshalText([]byte(got.String())); err != nil || again != got {
			t.Errorf("%q reads as %v, %v; want %v", got.String(), again, err, got)
		}
	}
}
