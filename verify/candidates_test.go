package verify

import (
	"context"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"

	"keysweep/finding"
)

// uncertain is a Martis key whose ends are not certain: text, and after it its
// beginnings of the lengths given.
func uncertain(text string, extent finding.Extent, lengths ...int) *finding.Finding {
	f := martisKey(0)
	f.Secret, f.Extent = finding.NewSecret("sk_"+"live_", text), extent
	for _, n := range lengths {
		f.Candidates = append(f.Candidates, finding.NewSecret("sk_"+"live_", text[:n]))
	}
	return f
}

func TestWhatIsAskedWhereTheEndsOfAKeyAreNotCertain(t *testing.T) {
	b, prefix := body(40, 7), "sk_"+"live_"
	other := martisKey(8)
	otherBody := strings.TrimPrefix(other.Secret.Reveal(), prefix)
	hexadecimal := hex.EncodeToString([]byte(body(20, 9)))
	for _, tt := range []struct {
		name   string
		f      *finding.Finding
		others []*finding.Finding
		works  string // the key that works, or the words of states
		budget int
		status finding.Status
		reason string
		key    string   // of the finding afterwards
		asked  []string // bodies, each once
	}{
		{"the first works", uncertain(b+"eur", finding.Likely, 40, 38), nil, b + "eur", 0, finding.Active, "accepted: HTTP 200", b + "eur", []string{b + "eur"}},
		{"the second works", uncertain(b+"eur", finding.Likely, 40, 38), nil, b, 0, finding.Active, "accepted: HTTP 200", b, []string{b + "eur", b}},
		{"the third works", uncertain(b+"eur", finding.Cut, 38, 40), nil, b, 0, finding.Active, "accepted: HTTP 200", b, []string{b + "eur", b[:38], b}},
		{"none works", uncertain(b+"eur", finding.Likely, 40, 38), nil, "", 0, finding.Unknown,
			`not_recognised: Invalid or missing API key; where the key begins and ends is not certain`, b + "eur", []string{b + "eur", b, b[:38]}},
		{"what is cut does not work", uncertain(b, finding.Cut), nil, "", 0, finding.Unknown,
			`not_recognised: Invalid or missing API key; where the key begins and ends is not certain`, b, []string{b}},
		{"an exact one has no candidates", uncertain(b, finding.Exact, 38), nil, "", 0, finding.Inactive, "not_recognised: Invalid or missing API key", b, []string{b}},
		{"the budget is used up", uncertain(b+"eur", finding.Likely, 40, 38), nil, b, 1, finding.Unknown,
			`not_recognised: Invalid or missing API key; where the key begins and ends is not certain`, b + "eur", []string{b + "eur"}},
		{"a candidate holds a second prefix", uncertain(b+prefix+"abc", finding.Likely, 48, 40), nil, b, 0, finding.Active, "accepted: HTTP 200", b, []string{b}},
		{"a candidate holds another finding", uncertain(b+otherBody, finding.Likely, 40), []*finding.Finding{other}, b, 0, finding.Active, "accepted: HTTP 200", b, []string{b}},
		{"a candidate ends with the start of another finding", uncertain(b+"sk_l", finding.Likely, 43, 40), []*finding.Finding{other}, b, 0, finding.Active, "accepted: HTTP 200", b, []string{b}},
		{"all hold another finding", uncertain(otherBody+"x"+b, finding.Likely, 40), []*finding.Finding{other}, b, 0, finding.Unchecked,
			"not_asked: it may hold a part of another key", otherBody + "x" + b, nil},
		{"a candidate has the shape of another issuer", uncertain(hexadecimal+"eur", finding.Likely, 40), nil, hexadecimal, 0, finding.Unknown,
			`not_recognised: Invalid or missing API key; where the key begins and ends is not certain`, hexadecimal + "eur", []string{hexadecimal + "eur"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.opts.Budget, w.opts.concurrency = tt.budget+len(tt.others), 1
			if tt.budget == 0 {
				w.opts.Budget = 100
			}
			was := tt.f.Secret
			w.host(martisLive, martis(map[string]string{prefix + tt.works: "active"}), nil)
			w.run(context.Background(), append(tt.others, tt.f)...)
			if tt.f.Status != tt.status || tt.f.StatusReason != tt.reason {
				t.Errorf("%v, %s", tt.f.Status, tt.f.StatusReason)
			}
			if tt.f.Secret.Reveal() != prefix+tt.key {
				t.Error("another key is taken for it")
			}
			if works := tt.status == finding.Active; works && (tt.f.Extent != finding.Exact || tt.f.Candidates != nil) || slices.Contains(tt.f.Former, was) != (works && tt.f.Secret != was) {
				t.Errorf("%v, %d candidates, %d former ones", tt.f.Extent, len(tt.f.Candidates), len(tt.f.Former))
			}
			for key, hosts := range w.saw {
				body := strings.TrimPrefix(key, prefix)
				isMadeUp := tt.status == finding.Active && len(body) == len(tt.key) && body != tt.key
				if !isMadeUp && !slices.Contains(tt.asked, body) && key != other.Secret.Reveal() {
					t.Errorf("a key of %d characters was sent to %v", len(body), hosts)
				}
			}
			for _, body := range tt.asked {
				if w.saw[prefix+body][martisLive] != 1 {
					t.Errorf("a key of %d characters was sent %d times", len(body), w.saw[prefix+body][martisLive])
				}
			}
		})
	}
}

// What stands before the prefix may make it the prefix of someone else.
func TestTheUsersWordIsNotEnoughForAKeyBehindLetters(t *testing.T) {
	w := newWorld(t)
	w.opts.Issuer = "martis"
	near, far := martisKey(1), martisKey(2)
	near.Glued, far.Glued, far.Issuer, far.IssuerStrength = true, true, finding.IssuerUnknown, finding.StrengthNone
	w.host(martisLive, martis(nil), nil)
	w.run(context.Background(), near, far)
	if near.Status != finding.Inactive || far.Status != finding.Unchecked || w.requests(far) > 0 {
		t.Errorf("%s; %s", near.StatusReason, far.StatusReason)
	}
}

// Retries are requests, too: there are never more than three about one place.
func TestThreeRequestsAboutAPlaceAtMost(t *testing.T) {
	w := newWorld(t)
	b := body(40, 7)
	f := uncertain(b+"eur", finding.Likely, 40, 38)
	n := 0
	w.host(martisLive, func(rw http.ResponseWriter, r *http.Request, key string) {
		if n++; n == 1 {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		martis(nil)(rw, r, key)
	}, nil)
	w.run(context.Background(), f)
	if n != 3 || f.Status != finding.Unknown {
		t.Errorf("%d requests, %v, %s", n, f.Status, f.StatusReason)
	}
	w = newWorld(t)
	f, n = uncertain(b+"eur", finding.Likely, 40, 38), 0
	w.host(martisLive, func(rw http.ResponseWriter, r *http.Request, key string) {
		if n++; n > 1 {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		martis(nil)(rw, r, key)
	}, nil)
	w.run(context.Background(), f)
	if n != 3 || f.Status != finding.Unknown || !strings.HasPrefix(f.StatusReason, "server_error") {
		t.Errorf("%d requests, %v, %s", n, f.Status, f.StatusReason)
	}
	// No answer is no refusal.
	w = newWorld(t)
	f, n = uncertain(b+"eur", finding.Likely, 40, 38), 0
	w.host(martisLive, func(rw http.ResponseWriter, r *http.Request, key string) {
		n++
		rw.WriteHeader(http.StatusForbidden)
	}, nil)
	w.run(context.Background(), f)
	if n != 1 || f.Status != finding.Unknown {
		t.Errorf("%d requests, %v, %s", n, f.Status, f.StatusReason)
	}
}

// A host that accepts everything proves nothing about the ends of a key.
func TestAHostThatAcceptsAnythingChoosesNoCandidate(t *testing.T) {
	w := newWorld(t)
	f := uncertain(body(40, 7)+"eur", finding.Likely, 40)
	was := f.Secret
	first := true
	w.host(martisLive, func(rw http.ResponseWriter, r *http.Request, key string) {
		state := "active"
		if first {
			first, state = false, ""
		}
		martis(map[string]string{key: state})(rw, r, key)
	}, nil)
	w.run(context.Background(), f)
	if f.Status != finding.Unknown || !strings.HasPrefix(f.StatusReason, "accepts_anything") || f.Secret != was || f.Extent != finding.Likely {
		t.Errorf("%v, %s, %v", f.Status, f.StatusReason, f.Extent)
	}
}
