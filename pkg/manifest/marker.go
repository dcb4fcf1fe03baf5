package manifest

import (
	"errors"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/getpawl/pawl/pkg/image"
)

// markerShape is a scalar with a mark for Flux's image automation behind it:
// # {"$imagepolicy": "namespace:policy"} for a whole reference, and ":tag", ":name"
// or ":digest" at the end for a part of one
// (https://fluxcd.io/flux/components/image/imageupdateautomations/). It finds what
// no other shape knows: a value under a key of any name, an item of a list.
//
// The name for a part is the one that the other marks of the same policy are at. A
// tag without any such name is not found: it can only be named as a field.
func markerShape() shape { return shape{comment: noteMark} }

// mark is a scalar with a mark.
type mark struct {
	policy string // namespace:policy
	part   string // tag, name, digest, or nothing for a whole reference
	in     mapping
	pair   pair
}

// markWord is in every mark.
const markWord = "$imagepolicy"

var marker = regexp.MustCompile(`\{\s*"\$imagepolicy"\s*:\s*"([^":]+:[^":]+)(?::(tag|name|digest))?"\s*\}`)

func noteMark(f *finder, in mapping, p pair) {
	if len(p.value.LineComment) > maxMark || !strings.Contains(p.value.LineComment, markWord) || f.full() {
		return
	}
	found := marker.FindStringSubmatch(p.value.LineComment)
	if found == nil {
		return
	}
	f.candidates++
	f.marks = append(f.marks, mark{policy: found[1], part: found[2], in: in, pair: p})
}

// maxMark is longer than any mark: the names of a namespace and a policy have at
// most 253 characters each.
const maxMark = 1024

// findMarked finds the references of the marks that no shape found.
func (f *finder) findMarked() {
	if len(f.marks) == 0 {
		return
	}
	names := f.policyNames()
	type group struct {
		policy string
		in     *yaml.Node
	}
	parts, places := map[group]*markedParts{}, []group{}
	ins := map[group]mapping{}
	known := f.scalarNames()
	for _, m := range f.marks {
		switch _, found := known[m.pair.value]; {
		case found:
		case m.part == "":
			f.addMarked(m)
		default:
			g := group{m.policy, m.in.node}
			if parts[g] == nil {
				parts[g], ins[g] = &markedParts{}, m.in
				places = append(places, g)
			}
			parts[g].take(m)
		}
	}
	for _, g := range places {
		f.addMarkedParts(ins[g], *parts[g], names[g.policy])
	}
}

// scalarNames returns the names of the images whose scalars are known.
func (f *finder) scalarNames() map[*yaml.Node]string {
	names := map[*yaml.Node]string{}
	for _, t := range f.targets {
		for _, n := range []*yaml.Node{t.scalars.name, t.scalars.tag, t.scalars.digest} {
			if n != nil {
				names[n] = t.found.Image.Name
			}
		}
	}
	return names
}

// policyNames returns the image of each policy: a policy is about one image, so
// marks that say otherwise say nothing.
func (f *finder) policyNames() map[string]string {
	names, known := map[string]string{}, f.scalarNames()
	for _, m := range f.marks {
		name, ok := known[m.pair.value]
		if !ok && (m.part == "" || m.part == "name") && isText(m.pair.value) {
			ref, _ := f.parse(m.pair.value.Value)
			name = ref.Name
		}
		if name == "" {
			continue
		}
		if other, taken := names[m.policy]; taken && normalize(other) != normalize(name) {
			name = "" // taken, and not to be told apart
		}
		if other, taken := names[m.policy]; !taken || other != "" {
			names[m.policy] = name
		}
	}
	return names
}

// addMarked adds a scalar that is a whole reference.
func (f *finder) addMarked(m mark) {
	ref, ok := f.wholeImage(m.pair.value)
	if !ok {
		return
	}
	f.add(m.in, target{
		found:   Found{Kind: Marker, Path: join(m.in.at.path(), m.pair.step()), Image: ref},
		holder:  whole{m.pair},
		scalars: scalars{name: m.pair.value},
		bare:    ref.Version() == "",
	})
}

// markedParts are the parts of one reference: the marks of one policy in one mapping.
type markedParts struct {
	name, tag, digest pair
	current           image.Reference
	twice             bool
}

func (p *markedParts) take(m mark) {
	to := map[string]*pair{"name": &p.name, "tag": &p.tag, "digest": &p.digest}[m.part]
	p.twice = p.twice || to.value != nil
	*to = m.pair
}

func (f *finder) addMarkedParts(in mapping, p markedParts, name string) {
	version := p.tag
	if version.value == nil {
		version = p.digest
	}
	if text := scalarText(p.name.value); text != "" {
		name = text
	}
	if version.value == nil || !isScalar(p.tag.value) || !isScalar(p.digest.value) {
		return
	}
	if ref, ok := f.parse(name); !ok || ref.Version() != "" {
		return
	}
	ref, refusal := readVersion(scalarText(p.tag.value), scalarText(p.digest.value))
	if p.twice {
		refusal = "two marks of one policy are for the same part"
	}
	ref.Name = name
	p.current = ref
	f.add(in, target{
		found:   Found{Kind: Marker, Path: join(in.at.path(), version.step()), Image: ref},
		holder:  p,
		scalars: scalars{name: p.name.value, tag: p.tag.value, digest: p.digest.value},
		refusal: refusal,
	})
}

func (p markedParts) assign(next image.Reference) ([]assignment, error) {
	var changes []assignment
	if p.name.value != nil && next.Name != p.current.Name {
		changes = append(changes, assignment{pair: p.name, text: next.Name})
	}
	switch {
	case p.tag.value == nil && next.Digest == "":
		return nil, errors.New("the marks have a digest and no tag: give a digest")
	case p.tag.value == nil:
		return append(changes, assignment{pair: p.digest, text: next.Digest}), nil
	case next.Tag == "":
		return nil, errNoTag
	case p.digest.value == nil:
		return append(changes, assignment{pair: p.tag, text: next.Version()}), nil
	}
	return append(changes, assignment{pair: p.digest, text: next.Digest}, assignment{pair: p.tag, text: next.Tag}), nil
}
