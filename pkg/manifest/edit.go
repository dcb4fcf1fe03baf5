package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/getpawl/pawl/pkg/image"
)

// Set gives every reference that a setting matches, and every field in the options,
// its version. It returns the new bytes and what was changed, in the order of the
// file; when all versions are there already, it returns src itself and no edits.
//
// Set changes all or nothing: if one reference cannot be changed safely, it returns
// the reasons, each a [*Problem], several joined, and no bytes.
func Set(file string, src []byte, settings []image.Setting, opt Options) ([]byte, []Edit, error) {
	if err := checkSettings(file, settings); err != nil {
		return nil, nil, err
	}
	s, err := read(file, src)
	if err != nil {
		return nil, nil, err
	}
	f := newFinder(s)
	f.passOver = func(text string) bool { return !mentions(text, settings) && !strings.Contains(text, markWord) }
	if err := f.search(opt.Fields, opt.Create); err != nil {
		return nil, nil, err
	}
	p := newPlanner(s, f, settings, opt)
	p.problems = f.missingFields()
	for _, t := range f.targets {
		p.consider(t)
	}
	p.checkShared()
	p.checkUnreadable()
	p.addEntries()
	if len(p.problems) > 0 {
		return nil, nil, p.refusal()
	}
	if len(p.splices) == 0 {
		return src, nil, nil
	}
	for _, inner := range p.changed {
		if err := inner.proveText(p.inner[inner]); err != nil {
			return nil, nil, err
		}
	}
	out := s.splice(p.splices)
	edited, err := s.prove(p.splices, out)
	if err != nil {
		return nil, nil, err
	}
	if err := p.recordEntries(edited); err != nil {
		return nil, nil, err
	}
	return out, p.edits, nil
}

// checkSettings refuses what [image.ParseSetting] would not have given: a version
// that is missing or malformed must not reach a file.
func checkSettings(file string, settings []image.Setting) error {
	for _, setting := range settings {
		ref, err := image.Parse(setting.New.String())
		if err != nil || ref != setting.New || ref.Version() == "" || setting.Match == "" {
			return &Problem{File: file, Reason: "the setting " + quote(setting.String()) + " is not NAME:TAG or NAME@DIGEST"}
		}
	}
	return nil
}

// planner collects what is to be changed in one file, and everything that speaks
// against it.
type planner struct {
	src      *source
	finder   *finder
	settings []image.Setting
	opt      Options

	decisions  map[*yaml.Node]*decision  // what becomes of a scalar
	kustomized map[string]bool           // names of settings that an entry of a kustomization matched
	duplicates map[*yaml.Node]*yaml.Node // a mapping and a key that it has twice, or nil
	added      []image.Setting           // settings that got an entry of their own
	entries    splice                    // that splice
	splices    []splice
	inner      map[*source][]splice // the splices of texts, as they are there
	changed    []*source            // those texts
	edits      []Edit
	problems   []error
}

// decision is what a scalar will say.
type decision struct {
	text    string
	by      []*target // who said so
	written *written  // the splice, when there is one
}

func newPlanner(s *source, f *finder, settings []image.Setting, opt Options) *planner {
	return &planner{
		src: s, finder: f, settings: settings, opt: opt,
		decisions:  map[*yaml.Node]*decision{},
		kustomized: map[string]bool{},
		duplicates: map[*yaml.Node]*yaml.Node{},
		inner:      map[*source][]splice{},
	}
}

func normalize(name string) string { return image.Reference{Name: name}.Repository() }

func (p *planner) refuse(t *target, reason string) {
	p.problems = append(p.problems, &Problem{File: p.src.file, Line: t.found.Line, Column: t.found.Column, Reason: reason})
}

// refusal joins the problems: all of them, up to as many as somebody would read.
func (p *planner) refusal() error {
	const most = 100
	if more := len(p.problems) - most; more > 0 {
		rest := &Problem{File: p.src.file, Reason: fmt.Sprintf("and %d more problems", more)}
		p.problems = append(p.problems[:most], rest)
	}
	return errors.Join(p.problems...)
}

// wanted is what one target should become.
type wanted struct {
	ref     image.Reference
	changes []assignment
}

// consider plans the changes to one target.
func (p *planner) consider(t *target) {
	want, ok := p.want(t)
	if !ok {
		return
	}
	changes := p.needed(t, want.changes)
	if len(changes) == 0 {
		return
	}
	if reason := p.objection(t.at, changes); reason != "" {
		p.refuse(t, reason)
		return
	}
	p.change(t, want.ref, changes)
}

// want finds the setting for a target and what it means there. It reports false
// when there is none, or when it was refused.
func (p *planner) want(t *target) (wanted, bool) {
	if t.value != "" {
		return fixed(t), true
	}
	if t.bare && p.opt.KeepBare != nil && p.opt.KeepBare(t.found) {
		return wanted{}, false
	}
	settings := p.matching(t)
	if len(settings) > 0 && p.opt.Skip != nil && p.opt.Skip(t.found) {
		return wanted{}, false
	}
	var all []wanted
	for _, setting := range settings {
		if t.refusal != "" {
			p.refuse(t, t.refusal)
			return wanted{}, false
		}
		ref, err := next(t.found.Image, setting, p.opt.Digest)
		if err != nil {
			p.refuse(t, err.Error())
			return wanted{}, false
		}
		changes, err := t.holder.assign(ref)
		if err != nil {
			p.refuse(t, err.Error())
			return wanted{}, false
		}
		all = append(all, wanted{ref, changes})
	}
	for i := 1; i < len(all); i++ {
		if all[i].ref != all[0].ref {
			p.refuse(t, "two settings give it different versions: "+quote(all[0].ref.String())+" and "+quote(all[i].ref.String()))
			return wanted{}, false
		}
	}
	if len(all) == 0 {
		return wanted{}, false
	}
	return all[0], true
}

// fixed is for a field whose text the caller gave.
func fixed(t *target) wanted {
	holder, ok := t.holder.(*fieldText)
	if !ok {
		return wanted{}
	}
	ref := image.Reference{Name: t.found.Image.Name, Tag: t.value}
	return wanted{ref, []assignment{{pair: holder.pair, text: t.value, after: holder.after, keepKind: true}}}
}

// matching returns the settings for a target.
func (p *planner) matching(t *target) []image.Setting {
	var settings []image.Setting
	for _, setting := range p.settings {
		if !t.found.Matches(setting) {
			continue
		}
		settings = append(settings, setting)
		if t.found.Kind == Kustomize {
			p.kustomized[setting.Match] = true
		}
	}
	return settings
}

// needed leaves out the changes that change nothing. A number in a plain scalar is
// changed even to its own digits: 1.10 means 1.1 to whoever reads it.
func (p *planner) needed(t *target, changes []assignment) []assignment {
	var needed []assignment
	for _, c := range changes {
		n := c.pair.value
		if n != nil {
			known := p.decisions[n]
			if known == nil {
				known = &decision{text: c.text}
				p.decisions[n] = known
			}
			if known.text != c.text {
				p.refuse(t, "another image or field gives the same text a different version: "+quote(known.text))
				return nil
			}
			known.by = append(known.by, t)
		}
		if scalarText(n) == c.text && (c.text == "" || isText(n) || c.keepsKind()) {
			continue
		}
		needed = append(needed, c)
	}
	return needed
}

// objection says why the scalars of a target cannot be changed, or nothing.
func (p *planner) objection(at *place, changes []assignment) string {
	for ; at != nil; at = at.parent {
		if key := p.duplicate(at.node); key != nil {
			return "the key " + formatKey(key.Value) + " is there twice, and parsers disagree on which one counts"
		}
	}
	for _, c := range changes {
		if key := p.duplicate(c.pair.in); key != nil {
			return "the key " + formatKey(key.Value) + " is there twice, and parsers disagree on which one counts"
		}
	}
	return ""
}

// duplicate returns a key that a mapping has twice, or nil.
func (p *planner) duplicate(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	if key, known := p.duplicates[n]; known {
		return key
	}
	p.duplicates[n] = nil
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			continue
		}
		if seen[key.Value] {
			p.duplicates[n] = key
			return key
		}
		seen[key.Value] = true
	}
	return nil
}

// change turns assignments into splices and an edit. Bytes that an edit of the same
// image has already are no edit of their own; those that another image shares are.
func (p *planner) change(t *target, ref image.Reference, changes []assignment) {
	edit := Edit{Found: t.found, New: ref}
	version, repeated := t.scalars.version(), true
	var splices []splice
	for _, c := range changes {
		n := c.pair.value
		known, done := p.spliced(n)
		if !done {
			sp, err := p.write(t.src, c)
			if err != nil {
				p.refuse(t, "it cannot be changed byte by byte: "+err.Error())
				return
			}
			known = written{ref, sp}
			if n != nil {
				p.decisions[n].written = &known
			}
		}
		repeated = repeated && done && known.ref.Same(ref)
		splices = append(splices, known.splice)
		if len(splices) == 1 || n != nil && n == version {
			edit.Span = p.src.span(known.splice)
		}
	}
	if repeated {
		return
	}
	sortSplices(splices)
	for _, sp := range splices {
		edit.Spans = append(edit.Spans, p.src.span(sp))
	}
	p.edits = append(p.edits, edit)
}

// written is a splice and the image that it is for.
type written struct {
	ref    image.Reference
	splice splice
}

// spliced returns the splice of a scalar that has one.
func (p *planner) spliced(n *yaml.Node) (written, bool) {
	if known := p.decisions[n]; known != nil && known.written != nil {
		return *known.written, true
	}
	return written{}, false
}

// span is where a splice changes bytes of the file.
func (s *source) span(sp splice) Span {
	return Span{Start: len(s.mark) + sp.start, End: len(s.mark) + sp.end, Text: sp.text}
}

// write plans a splice and returns it as one of the file.
func (p *planner) write(s *source, c assignment) (splice, error) {
	sp, err := s.write(c)
	if err != nil {
		return splice{}, err
	}
	if s.outer == nil {
		p.splices = append(p.splices, sp)
		return sp, nil
	}
	lifted, err := s.lift(sp)
	if err != nil {
		return splice{}, err
	}
	if p.inner[s] == nil {
		p.changed = append(p.changed, s)
	}
	p.inner[s] = append(p.inner[s], sp)
	p.splices = append(p.splices, lifted)
	return lifted, nil
}

// checkUnreadable refuses to pass over a text that names an image and is not YAML.
func (p *planner) checkUnreadable() {
	for _, text := range p.finder.unreadable {
		for _, setting := range p.settings {
			if strings.Contains(text.node.Value, setting.Match) {
				p.problems = append(p.problems, text.src.problem(text.node, "the text names %s and cannot be read: %s", quote(setting.Match), text.reason))
				break
			}
		}
	}
}

// checkShared refuses to change a scalar that spells the version of another image
// as well, when that image was not named: nobody asked to deploy it.
func (p *planner) checkShared() {
	for _, t := range p.finder.targets {
		for _, n := range []*yaml.Node{t.scalars.name, t.scalars.registry, t.scalars.tag, t.scalars.digest} {
			known := p.decisions[n]
			if known == nil || known.text == scalarText(n) || slices.Contains(known.by, t) {
				continue
			}
			owner := known.by[len(known.by)-1]
			if owner.found.Kind == Explicit {
				continue
			}
			p.refuse(owner, "the image "+quote(t.found.Image.Name)+" takes its version from the same text through an alias: name it too")
			break
		}
	}
}
