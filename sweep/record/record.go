// Package record knows what is kept of the scan of one repository, a report without keys,
// and joins the reports of many to one.
package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"

	"keysweep/audit"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/scanner"
)

// Report is what is kept of the scan of one repository.
type Report struct {
	Result finding.Result
	// Bases has what each finding rests on, by the SHA-256 of its key.
	Bases map[string]scanner.Basis
}

// Of returns the report on what a scanned and marked. Its texts hold no key, and what Encode
// writes has none at all.
func Of(a *audit.Audit) *Report {
	r := &Report{Result: *a.Result, Bases: map[string]scanner.Basis{}}
	hide := quote.NewRedactor(a.Loaded.Rules, a.Result, false)
	for _, f := range r.Result.Findings {
		r.Bases[f.Secret.SHA256()] = a.Basis(f.Secret)
	}
	hideIn(reflect.ValueOf(r).Elem(), hide.Text)
	return r
}

// hideIn passes every string of v that is exported through hide. Maps are left: their keys
// are hashes, and what they hold is replaced whole.
func hideIn(v reflect.Value, hide func(string) string) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(hide(v.String()))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			hideIn(v.Elem(), hide)
		}
	case reflect.Slice:
		for i := range v.Len() {
			hideIn(v.Index(i), hide)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				hideIn(v.Field(i), hide)
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			value := reflect.New(v.Type().Elem()).Elem()
			value.Set(v.MapIndex(key))
			hideIn(value, hide)
			v.SetMapIndex(key, value)
		}
	}
}

// maxReport is the most bytes of a report, unpacked.
const maxReport = 1 << 30

// The forms of a report: CBOR, as JSON holds no bytes that are not UTF-8, in Zstandard.
var forms = sync.OnceValue(func() (f struct {
	enc cbor.EncMode
	dec cbor.DecMode
}) {
	var errs [2]error
	f.enc, errs[0] = cbor.EncOptions{Sort: cbor.SortCoreDeterministic, Time: cbor.TimeRFC3339Nano}.EncMode()
	f.dec, errs[1] = cbor.DecOptions{UTF8: cbor.UTF8DecodeInvalid, MaxArrayElements: 1 << 24, MaxMapPairs: 1 << 20}.DecMode()
	if err := errors.Join(errs[:]...); err != nil {
		panic(err) // the options are constants
	}
	return f
})

// Encode returns r as Decode reads it.
func (r *Report) Encode() ([]byte, error) {
	plain, err := forms().enc.Marshal(r)
	if err != nil {
		return nil, err
	}
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return w.EncodeAll(plain, nil), nil
}

// Decode reads what Encode wrote. Its secrets are sealed.
func Decode(b []byte) (*Report, error) {
	in, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	defer in.Close()
	plain, err := io.ReadAll(io.LimitReader(in, maxReport))
	if err != nil {
		return nil, err
	}
	r := new(Report)
	if err := forms().dec.Unmarshal(plain, r); err != nil {
		return nil, fmt.Errorf("the report of a repository: %w", err)
	}
	for _, f := range r.Result.Findings {
		if f == nil || !inRange(f) {
			return nil, errors.New("the report of a repository holds a finding that is none")
		}
	}
	return r, nil
}

// inRange reports whether the numbers of f that stand for words do.
func inRange(f *finding.Finding) bool {
	ok := f.Secret.IsSealed() && f.Environment <= finding.Production && f.Confidence <= finding.High && f.Extent <= finding.Cut &&
		f.Status <= finding.Active && f.IssuerStrength <= finding.StrengthUser && f.InHead <= finding.NotKnown
	for i := range f.Listed {
		ok = ok && f.Listed[i].Reachable <= finding.NotKnown && f.Listed[i].InHead <= finding.NotKnown
	}
	return ok
}
