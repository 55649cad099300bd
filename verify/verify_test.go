package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"

	"keysweep/finding"
	"keysweep/rules"
)

func TestFiveHundredKeysAtOnce(t *testing.T) {
	w := newWorld(t)
	w.opts.Budget, w.opts.concurrency, w.opts.Total = -1, 16, time.Hour
	states := map[string]string{}
	var list []*finding.Finding
	for i := range 500 {
		f := martisKey(uint64(i))
		states[f.Secret.Reveal()] = []string{"active", "expired", "restricted", ""}[i%4]
		list = append(list, f)
	}
	w.host(martisLive, martis(states), nil)
	w.run(context.Background(), list...)
	for i, f := range list {
		want := []finding.Status{finding.Active, finding.Inactive, finding.Restricted, finding.Inactive}[i%4]
		if f.Status != want || w.requests(f) != 1 {
			t.Fatalf("key %d: %v, %s after %d requests, want %v after 1", i, f.Status, f.StatusReason, w.requests(f), want)
		}
	}
	if keys, made := w.sent(list...); keys != 500 || made != 1 {
		t.Errorf("%d requests with keys, %d with made-up ones, want 500 and 1", keys, made)
	}
	if want := 90 * time.Second; w.slept < want { // 501 at 5 a second
		t.Errorf("the clock moved %v, want at least %v: the host was not asked slowly", w.slept, want)
	}
}

func TestTheSameKeyFiveHundredTimesIsOneRequest(t *testing.T) {
	w := newWorld(t)
	var list []*finding.Finding
	for range 500 {
		list = append(list, martisKey(1))
	}
	w.host(martisLive, martis(map[string]string{list[0].Secret.Reveal(): "active"}), nil)
	w.run(context.Background(), list...)
	for _, f := range list {
		if f.Status != finding.Active || f.CheckedAt.IsZero() {
			t.Fatalf("got %v, %s", f.Status, f.StatusReason)
		}
	}
	if keys, made := w.sent(list[0]); keys != 1 || made != 1 {
		t.Errorf("%d requests with the key, %d with made-up ones", keys, made)
	}
}

// On a used connection the HTTP library repeats a request by itself when the
// host closes it: the key would be sent more often than we count.
func TestEveryRequestHasAConnectionOfItsOwn(t *testing.T) {
	w := newWorld(t)
	w.opts.concurrency = 1
	used := map[string]int{}
	w.host(martisLive, func(rw http.ResponseWriter, r *http.Request, key string) {
		used[r.RemoteAddr]++
		martis(nil)(rw, r, key)
	}, nil)
	w.run(context.Background(), martisKey(1), martisKey(2), martisKey(3))
	if len(used) != 3 {
		t.Errorf("3 requests over %d connections", len(used))
	}
}

// hanging is a host that never answers and says when it was asked.
func hanging(w *world) chan struct{} {
	asked := make(chan struct{}, 1000)
	w.host(martisLive, func(_ http.ResponseWriter, r *http.Request, _ string) {
		asked <- struct{}{}
		<-r.Context().Done()
	}, nil)
	return asked
}

func TestCancelledDuringARequest(t *testing.T) {
	w := newWorld(t)
	w.opts.sleep = nil // wait, as users do
	asked := hanging(w)
	var list []*finding.Finding
	for i := range 50 {
		list = append(list, martisKey(uint64(i)))
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-asked; cancel() }()
	w.run(ctx, list...) // would last as long as the test may
	sent := 0
	for _, f := range list {
		if f.Status != finding.Unknown || !strings.HasPrefix(f.StatusReason, "cancelled: ") {
			t.Errorf("got %v, %s", f.Status, f.StatusReason)
		}
		sent += w.requests(f)
	}
	if sent > 2 {
		t.Errorf("%d requests after the end", sent)
	}
}

func TestTheTimeForAllKeys(t *testing.T) {
	w := newWorld(t)
	w.opts.Total = 50 * time.Millisecond
	hanging(w)
	list := []*finding.Finding{martisKey(1), martisKey(2), martisKey(3), martisKey(4)}
	w.run(context.Background(), list...)
	for _, f := range list {
		if f.Status != finding.Unknown || f.StatusReason != "timeout: the time limit for all keys expired" {
			t.Errorf("got %v, %s", f.Status, f.StatusReason)
		}
	}
}

func TestNoWaitThatTheTimeForAllKeysDoesNotAllow(t *testing.T) {
	w := newWorld(t)
	w.opts.Total = 30 * time.Second
	w.host(martisLive, func(rw http.ResponseWriter, _ *http.Request, _ string) {
		rw.Header().Set("Retry-After", "50")
		rw.WriteHeader(429)
	}, nil)
	f := martisKey(1)
	w.run(context.Background(), f)
	if w.slept > 0 || w.requests(f) != 1 || !strings.HasPrefix(f.StatusReason, "rate_limited: ") {
		t.Errorf("waited %v, %d requests, %s", w.slept, w.requests(f), f.StatusReason)
	}
}

func TestAHostThatWantsTimeGetsItFromAllWorkers(t *testing.T) {
	w := newWorld(t)
	w.opts.setDefaults()
	var h host
	h.start(&w.opts)
	h.pause(w.now().Add(20 * time.Second))
	h.pause(w.now().Add(5 * time.Second)) // a shorter one changes nothing
	if _, ok := h.turn(context.Background(), &w.opts); !ok || w.slept != 20*time.Second {
		t.Errorf("asked again after %v", w.slept)
	}
}

func TestAWorkerPutsOffTheOthers(t *testing.T) {
	w := newWorld(t)
	r := &run{opts: &w.opts}
	var h host
	o := outcome{again: true}
	busy := &reply{status: 429, header: http.Header{"Retry-After": {"20"}}}
	if wait, again := r.retry(&h, busy, &o, &backoff.ZeroBackOff{}); !again || wait != 20*time.Second || !h.notBefore.Equal(w.now().Add(wait)) {
		t.Errorf("again %v after %v, others not before %v", again, wait, h.notBefore)
	}
}

func TestOnlyFailuresInARowCloseAHost(t *testing.T) {
	var h host
	failure, success := outcome{code: finding.CodeTimeout}, outcome{code: finding.CodeAccepted}
	for range maxFailures - 1 {
		h.countFailure(failure)
	}
	h.countFailure(success)
	for range maxFailures - 1 {
		h.countFailure(failure)
	}
	if h.closed != nil {
		t.Errorf("closed: %+v", h.closed)
	}
	if h.countFailure(failure); h.closed == nil {
		t.Error("not closed")
	}
}

// Where one of two findings is less certain, so is the issuer of the key.
func TestTheWeakestEvidenceOfAKeyCounts(t *testing.T) {
	for _, strengths := range [][2]finding.Strength{{finding.StrengthHost, finding.StrengthStrong}, {finding.StrengthStrong, finding.StrengthHost}} {
		w := newWorld(t)
		w.host(martisLive, martis(nil), nil)
		a, b := martisKey(1), martisKey(1)
		a.IssuerStrength, b.IssuerStrength = strengths[0], strengths[1]
		w.run(context.Background(), a, b)
		for _, f := range []*finding.Finding{a, b} {
			if f.Status != finding.Unknown || !strings.HasPrefix(f.StatusReason, "not_recognised: ") {
				t.Errorf("%v: %v, %s", strengths, f.Status, f.StatusReason)
			}
		}
	}
}

func TestBudget(t *testing.T) {
	for _, tt := range []struct{ budget, want int }{{0, 100}, {3, 3}, {-1, 120}} {
		w := newWorld(t)
		w.opts.Budget, w.opts.Total = tt.budget, time.Hour
		w.host(martisLive, martis(nil), nil)
		var list []*finding.Finding
		for i := range 120 {
			list = append(list, martisKey(uint64(i)))
		}
		sum := w.run(context.Background(), list...)
		for i, f := range list {
			code, _, _ := strings.Cut(f.StatusReason, ":")
			if asked := code == "not_recognised"; asked != (i < tt.want) || !asked && (f.Status != finding.Unknown || code != "budget" || w.requests(f) > 0) {
				t.Errorf("budget %d, key %d: %v, %s", tt.budget, i, f.Status, f.StatusReason)
			}
		}
		if sum.OverBudget != len(list)-tt.want {
			t.Errorf("budget %d: summary %+v", tt.budget, sum)
		}
	}
}

func TestADryRunSendsNothing(t *testing.T) {
	w := newWorld(t)
	w.opts.DryRun = true
	w.opts.Issuers = []string{AllIssuers}
	live, test, stripe := martisKey(1), martisKey(2), stripeKey("rk_"+"test_", 3)
	test.Environment = finding.Sandbox
	unknown := martisKey(4)
	unknown.Issuer, unknown.IssuerStrength = finding.IssuerUnknown, finding.StrengthNone
	sum := w.run(context.Background(), live, unknown, test, stripe)
	var lines []string
	for _, p := range sum.Plans {
		lines = append(lines, fmt.Sprintf("%v %s %v %s", p.Secret, p.Issuer, p.Environment, p.URL))
	}
	want := []string{
		"sk_live_… martis production https://api.martis.id/api/v1/payments/charges",
		"sk_live_… martis sandbox https://api-staging.martis.id/api/v1/payments/charges",
		"rk_test_… stripe sandbox https://api.stripe.com/v1/balance",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if live.Status != finding.Unchecked || live.StatusReason != "not_asked: dry run" || !live.CheckedAt.IsZero() || len(w.saw) != 0 {
		t.Errorf("%v, %s; summary %+v", live.Status, live.StatusReason, sum)
	}
}

func TestEgressLog(t *testing.T) {
	w := newWorld(t)
	var log bytes.Buffer
	w.opts.EgressLog, w.opts.concurrency = &log, 1
	good, bad := martisKey(1), martisKey(2)
	w.host(martisLive, first(1, status(503)).or(w, martis(map[string]string{good.Secret.Reveal(): "active"})), nil)
	w.run(context.Background(), good)
	w.at(martisLive, closedPort(t))
	w.run(context.Background(), bad)
	var got []string
	sending := false
	for line := range strings.Lines(log.String()) {
		var r Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if sending = !sending; sending != (r.Event == "request") || sending == (r.Event == "result") {
			t.Errorf("got %s", line)
		}
		if sending {
			continue
		}
		if when, err := time.Parse(time.RFC3339, r.Time); err != nil || when.Year() != 2026 || r.Method != "GET" || r.Host != "api.martis.id" || r.Path != "/api/v1/payments/charges" {
			t.Errorf("got %s", line)
		}
		who := r.Key
		if r.MadeUp {
			who = "made up"
		}
		got = append(got, fmt.Sprintf("%s %d %d %s", who, r.Attempt, r.Status, r.Error))
	}
	want := []string{
		good.Secret.ID() + " 1 503 ", good.Secret.ID() + " 2 200 ", "made up 1 401 ",
		bad.Secret.ID() + " 1 0 connection", bad.Secret.ID() + " 2 0 connection", bad.Secret.ID() + " 3 0 connection",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// or answers with f the first time that a key is seen, and then with g.
func (f fault) or(w *world, g func(http.ResponseWriter, *http.Request, string)) func(http.ResponseWriter, *http.Request, string) {
	var mu sync.Mutex
	once := false
	return func(rw http.ResponseWriter, r *http.Request, key string) {
		mu.Lock()
		again := once
		once = true
		mu.Unlock()
		if again {
			g(rw, r, key)
		} else {
			f(w, rw, r, key)
		}
	}
}

// A process that is killed while it waits for an answer leaves a line.
func TestARequestIsLoggedBeforeItIsSent(t *testing.T) {
	w := newWorld(t)
	var log bytes.Buffer
	w.opts.EgressLog, w.opts.concurrency = &log, 1
	f := martisKey(1)
	w.host(martisLive, func(rw http.ResponseWriter, r *http.Request, key string) {
		if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `"event":"request"`) || !strings.Contains(text, f.Secret.ID()) {
			t.Errorf("while a request waits, the log is %q", text)
		}
		martis(nil)(rw, r, key)
	}, nil)
	w.run(context.Background(), f)
}

func TestWhatCannotBeNotedIsNotSent(t *testing.T) {
	w := newWorld(t)
	full := errors.New("no space left")
	w.opts.EgressLog, w.opts.concurrency = writer(func([]byte) (int, error) { return 0, full }), 1
	w.host(martisLive, martis(nil), nil)
	list := []*finding.Finding{martisKey(1), martisKey(2), martisKey(3)}
	_, err := All(context.Background(), w.opts, built(), list)
	if keys, made := w.sent(list...); !errors.Is(err, full) || keys+made != 0 {
		t.Errorf("error %v after %d requests, want the writer's after none", err, keys+made)
	}
	if list[2].Status != finding.Unknown || !strings.HasPrefix(list[2].StatusReason, "cancelled: ") {
		t.Errorf("got %v, %s", list[2].Status, list[2].StatusReason)
	}
}

func TestAPanicTellsItsTypeAndPlaceAlone(t *testing.T) {
	w := newWorld(t)
	f, other := martisKey(1), martisKey(2)
	w.opts.concurrency = 1
	once := false
	w.opts.proxy = func(*http.Request) (*neturl.URL, error) {
		if !once {
			once = true
			panic(errors.New("the key is " + f.Secret.Reveal()))
		}
		return nil, nil
	}
	w.host(martisLive, martis(map[string]string{f.Secret.Reveal(): "active"}), nil)
	w.run(context.Background(), f, other)
	if f.Status != finding.Unknown || !strings.HasPrefix(f.StatusReason, "internal_error: *errors.errorString at verify_test.go:") {
		t.Errorf("got %v, %s", f.Status, f.StatusReason)
	}
	if other.Status != finding.Inactive {
		t.Errorf("the next key: %v, %s", other.Status, other.StatusReason)
	}
}

func TestRouting(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(f *finding.Finding, o *Options)
		status finding.Status
		reason string // "" if it is asked
	}{
		{"martis by host", func(*finding.Finding, *Options) {}, 0, ""},
		{"martis by name", func(f *finding.Finding, _ *Options) { f.IssuerStrength = finding.StrengthStrong }, 0, ""},
		{"low confidence", func(f *finding.Finding, _ *Options) { f.Confidence, f.Typed = finding.Low, true }, 0, ""},
		{"suppressed", func(f *finding.Finding, _ *Options) { f.Suppressed = &finding.Suppression{} }, 0, ""},
		{"martis by path", func(f *finding.Finding, _ *Options) { f.IssuerStrength = finding.StrengthWeak }, finding.Unchecked, "issuer_unknown: the evidence for martis is too weak"},
		{"of an unknown issuer", func(f *finding.Finding, _ *Options) { f.Issuer, f.IssuerStrength = "unknown", 0 }, finding.Unchecked, "issuer_unknown: nothing identifies the issuer"},
		{"two issuers'", func(f *finding.Finding, _ *Options) { f.Issuer, f.IssuerStrength = "ambiguous", 0 }, finding.Unchecked, "issuer_ambiguous: more than one issuer is named near it"},
		{"rejected", func(f *finding.Finding, _ *Options) { f.Confidence = finding.Rejected }, finding.Unchecked, "not_asked: not a key"},
		{"another issuer's", func(f *finding.Finding, _ *Options) { f.Issuer = "stripe" }, finding.Unchecked, "not_asked: verification of stripe keys is off"},
		{"martis', and only stripe may be asked", func(_ *finding.Finding, o *Options) { o.Issuers = []string{"stripe"} }, finding.Unchecked, "not_asked: verification of martis keys is off"},
		{"of an issuer without a probe", func(f *finding.Finding, _ *Options) { f.Issuer = "tap" }, finding.Unsupported, "no_probe: no rule has a probe for tap"},
		{"of no environment", func(f *finding.Finding, _ *Options) { f.Environment = finding.EnvironmentUnknown }, finding.Unchecked, "not_asked: the environment of the key is unknown"},
		{"of an unknown issuer, and the user says martis", func(f *finding.Finding, o *Options) {
			f.Issuer, f.IssuerStrength, f.RuleID, o.Issuer = "unknown", 0, "payment-secret-key", "martis"
		}, 0, ""},
		{"two issuers', and the user says martis", func(f *finding.Finding, o *Options) {
			f.Issuer, f.IssuerStrength, f.RuleID, o.Issuer = "ambiguous", 0, "payment-secret-key", "martis"
		}, 0, ""},
		{"another's by shape, and the user says martis", func(f *finding.Finding, o *Options) {
			f.Issuer, f.IssuerStrength, f.RuleID, o.Issuer = "stripe", finding.StrengthShape, "stripe-secret-key", "martis"
		}, finding.Unchecked, "not_asked: verification of stripe keys is off"},
		{"a prefix that martis lacks, and the user says martis", func(f *finding.Finding, o *Options) {
			f.Issuer, f.IssuerStrength, f.RuleID, o.Issuer = "unknown", 0, "nothing", "martis"
		}, finding.Unchecked, "issuer_unknown: nothing identifies the issuer"},
		{"a body that no header can carry", func(f *finding.Finding, _ *Options) {
			f.Secret = finding.NewSecret("sk_"+"live_", "abcdefgh\r\nHost: evil.example")
		}, finding.Unchecked, "not_asked: it has characters that a header cannot carry"},
		{"an organization key of stripe", func(f *finding.Finding, o *Options) {
			o.Issuers = []string{AllIssuers}
			*f = *stripeKey("sk_"+"org_live_", 1)
		}, finding.Unsupported, "no_probe: an organization key needs a Stripe-Context header, which names an account"},
		{"a live key and the address of the sandbox", func(_ *finding.Finding, o *Options) {
			o.Endpoints = map[string]string{"martis": "https://API-staging.martis.id:443/"}
		}, finding.Unchecked, "not_asked: the address given is not for production keys"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.host(martisLive, martis(nil), nil)
			f := martisKey(1)
			tt.change(f, &w.opts)
			w.run(context.Background(), f)
			if tt.reason == "" {
				if w.requests(f) != 1 || f.CheckedAt.IsZero() {
					t.Errorf("not asked: %v, %s", f.Status, f.StatusReason)
				}
				if w.opts.Issuer != "" && (f.Issuer != "martis" || f.RuleID != "martis-secret-key" || f.IssuerStrength != finding.StrengthUser || f.Status != finding.Inactive) {
					t.Errorf("the user's word: %s by %v, %s, %v", f.Issuer, f.IssuerStrength, f.RuleID, f.Status)
				}
				return
			}
			if w.requests(f) != 0 || f.Status != tt.status || f.StatusReason != tt.reason || !f.CheckedAt.IsZero() {
				t.Errorf("%d requests, %v, %s, want %v, %s", w.requests(f), f.Status, f.StatusReason, tt.status, tt.reason)
			}
		})
	}
}

func TestTheUsersWordDoesNotBuryAnothersKey(t *testing.T) {
	for _, tt := range []struct {
		issuer   string
		strength finding.Strength
		want     finding.Status
	}{
		{"unknown", finding.StrengthNone, finding.Inactive},
		{"martis", finding.StrengthWeak, finding.Inactive},
		{"stripe", finding.StrengthWeak, finding.Inactive},
		{"stripe", finding.StrengthStrong, finding.Unknown},
		{"stripe", finding.StrengthHost, finding.Unknown},
	} {
		w := newWorld(t)
		w.host(martisLive, martis(nil), nil)
		f := martisKey(1)
		f.Issuer, f.IssuerStrength, f.RuleID, w.opts.Issuer = tt.issuer, tt.strength, "payment-secret-key", "martis"
		w.run(context.Background(), f)
		if f.Status != tt.want || !strings.HasPrefix(f.StatusReason, "not_recognised: ") || f.IssuerStrength != finding.StrengthUser {
			t.Errorf("%s by %v: %v, %s", tt.issuer, tt.strength, f.Status, f.StatusReason)
		}
	}
}

func TestOneKeyOfTwoIssuersGoesToOne(t *testing.T) {
	w := newWorld(t)
	w.opts.Issuers = []string{AllIssuers}
	a, b := martisKey(1), martisKey(1)
	b.Issuer, b.RuleID = "stripe", "stripe-secret-key"
	w.host(martisLive, martis(nil), nil)
	w.host(stripeHost, stripe(nil), nil)
	w.run(context.Background(), a, b)
	if w.requests(a) != 1 || b.Status != finding.Unchecked || !strings.HasPrefix(b.StatusReason, "issuer_ambiguous: ") {
		t.Errorf("%d requests; %v, %s; %v, %s", w.requests(a), a.Status, a.StatusReason, b.Status, b.StatusReason)
	}
}

func TestEachEnvironmentHasItsHostAndItsControl(t *testing.T) {
	w := newWorld(t)
	live, test := martisKey(1), martisKey(2)
	test.Environment = finding.Sandbox
	states := map[string]string{live.Secret.Reveal(): "active", test.Secret.Reveal(): "active"}
	w.host(martisLive, martis(states), nil)
	w.host(martisTest, func(rw http.ResponseWriter, _ *http.Request, _ string) { answer(rw, 200, `{}`) }, nil)
	w.run(context.Background(), live, test)
	if live.Status != finding.Active || test.Status != finding.Unknown || test.StatusReason != "accepts_anything: the host also accepted a made-up key" {
		t.Errorf("live %v, test %v, %s", live.Status, test.Status, test.StatusReason)
	}
	if _, made := w.sent(live, test); made != 2 {
		t.Errorf("%d made-up keys", made)
	}
	if w.saw[live.Secret.Reveal()][martisLive] != 1 || w.saw[test.Secret.Reveal()][martisTest] != 1 {
		t.Errorf("seen %d and %d times", w.saw[live.Secret.Reveal()][martisLive], w.saw[test.Secret.Reveal()][martisTest])
	}
}

func TestAHostThatAcceptsAnythingIsNotBelievedWhateverItSays(t *testing.T) {
	w := newWorld(t)
	expired, active := martisKey(1), martisKey(2)
	w.host(martisLive, func(rw http.ResponseWriter, r *http.Request, key string) {
		if key == expired.Secret.Reveal() {
			martis(map[string]string{key: "expired"})(rw, r, key)
			return
		}
		answer(rw, 200, `{}`)
	}, nil)
	w.run(context.Background(), expired, active)
	for _, f := range []*finding.Finding{expired, active} {
		if f.Status != finding.Unknown || !strings.HasPrefix(f.StatusReason, "accepts_anything: ") {
			t.Errorf("got %v, %s", f.Status, f.StatusReason)
		}
	}
}

func TestMadeUpKeys(t *testing.T) {
	for _, like := range []string{body(40, 1), "0123456789abcdef0123456789abcdef", "0123456789ABCDEF", "ab-cd_EF01", "0f8fad5b-d9cb-469f-a165-70867728950e"} {
		secret := finding.NewSecret("sk_"+"live_", like)
		a, err := makeUp(secret, map[string]bool{secret.Reveal(): true})
		if err != nil {
			t.Fatal(err)
		}
		made := a.Reveal()[len(a.Prefix()):]
		if a.Prefix() != secret.Prefix() || len(made) != len(like) || made == like {
			t.Errorf("%q gives %q", like, made)
		}
		for i := range len(like) {
			if !strings.Contains(alphabetOf(like, like[i]), made[i:i+1]) {
				t.Errorf("%q gives %q: character %d is of another kind", like, made, i)
			}
		}
	}
	for _, tt := range []struct {
		body string
		c    byte
		want string
	}{
		{"0123abcdef", 'a', "abcdef"}, {"0123ABCDEF", 'A', "ABCDEF"}, {"0123abcdeg", 'a', lower}, {"0123abcdeZ", 'a', lower},
		{"0123abcdef", '7', digits}, {"x_", '_', "_"}, {"Xa", 'X', upper},
	} {
		if got := alphabetOf(tt.body, tt.c); got != tt.want {
			t.Errorf("%c of %s: %q, want %q", tt.c, tt.body, got, tt.want)
		}
	}
	seen := map[string]bool{}
	for range 3 {
		a, err := makeUp(martisKey(1).Secret, nil)
		if err != nil {
			t.Fatal(err)
		}
		different := map[rune]bool{}
		for _, c := range a.Reveal() {
			different[c] = true
		}
		if len(different) < 10 || seen[a.Reveal()] {
			t.Error("a made-up key is not random")
		}
		seen[a.Reveal()] = true
	}
	if _, err := makeUp(finding.NewSecret("x", "----"), map[string]bool{"x----": true}); err == nil {
		t.Error("a key of ours was made up")
	}
}

func TestReplacedAddresses(t *testing.T) {
	for _, tt := range []struct{ address, reason string }{
		{"http://127.0.0.1:8080", ""}, {"http://127.7.7.7", ""}, {"http://[::1]:8080/prefix/", ""}, {"http://localhost:1", ""},
		{"https://martis.internal:8443/x", ""}, {"https://10.0.0.1", ""},
		{"http://example.com", "plain http"}, {"http://10.0.0.1", "plain http"}, {"http://127.0.0.1.example.com", "plain http"},
		{"http://localhost.example.com", "plain http"}, {"http://0.0.0.0", "plain http"}, {"http://[::ffff:10.0.0.1]", "plain http"},
		{"https://api-staging.martis\u3002id", "not ASCII"}, {"https://\uff41pi-staging.martis.id", "not ASCII"}, {"https://api-staging.martis.i\u00add", "not ASCII"}, {"https://api-staging.martis%E3%80%82id", "not ASCII"},
		{"https://user:pass@martis.internal", "user name"}, {"https://martis.internal?x=1", "query"}, {"https://martis.internal#x", "query or a fragment"},
		{"ftp://martis.internal", "neither https"}, {"martis.internal", "not a URL"}, {"https://", "not a URL"}, {"https://:8443", "not a URL"}, {"://", "not a URL"},
	} {
		err := Check(Options{Endpoints: map[string]string{"martis": tt.address}}, built())
		if tt.reason == "" && err != nil || tt.reason != "" && (err == nil || !strings.Contains(err.Error(), tt.reason)) {
			t.Errorf("%s: %v, want %q", tt.address, err, tt.reason)
		}
	}
}

func TestAReplacedAddressGetsTheRequests(t *testing.T) {
	w := newWorld(t)
	f := martisKey(1)
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		key := w.see("local", r)
		r.URL.Path = strings.TrimPrefix(r.URL.Path, "/mock")
		martis(map[string]string{f.Secret.Reveal(): "active"})(rw, r, key)
	}))
	defer s.Close()
	w.opts.Endpoints = map[string]string{"martis": s.URL + "/mock"}
	w.opts.proxy = func(*http.Request) (*neturl.URL, error) {
		t.Error("plain http went to a proxy")
		return nil, nil
	}
	w.run(context.Background(), f)
	if f.Status != finding.Active || w.saw[f.Secret.Reveal()]["local"] != 1 {
		t.Errorf("got %v, %s", f.Status, f.StatusReason)
	}
}

func TestPlainHTTPStaysOnThisMachine(t *testing.T) {
	c := &client{opts: &Options{}}
	conn, err := c.dial(true)(context.Background(), "tcp", "192.0.2.1:80")
	if !errors.Is(err, errNotLoopback) {
		t.Errorf("connection %v, error %v", conn, err)
	}
}

func TestCheckRefusesWhatCannotWork(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		opts   Options
		reason string
	}{
		{"nothing", Options{}, ""},
		{"all", Options{Issuers: []string{"all"}}, ""},
		{"several", Options{Issuers: []string{"martis", "stripe"}}, ""},
		{"unknown issuer", Options{Issuers: []string{"acme"}}, `has a probe for the issuer "acme"`},
		{"issuer without a probe", Options{Issuers: []string{"tap"}}, `has a probe for the issuer "tap"`},
		{"unknown word of the user", Options{Issuer: "acme"}, `has a probe for the issuer "acme"`},
		{"all as the word of the user", Options{Issuer: "all"}, `has a probe for the issuer "all"`},
		{"address of an unknown issuer", Options{Endpoints: map[string]string{"acme": "https://acme.example"}}, `has a probe for the issuer "acme"`},
		{"no file of certificates", Options{CAFile: filepath.Join(t.TempDir(), "absent")}, "absent"},
		{"a folder of certificates", Options{CAFile: t.TempDir()}, "not a regular file"},
		{"no certificate in the file", Options{CAFile: empty}, "no PEM certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := Check(tt.opts, built())
			if tt.reason == "" && err != nil || tt.reason != "" && (err == nil || !strings.Contains(err.Error(), tt.reason)) {
				t.Errorf("got %v, want %q", err, tt.reason)
			}
			f := martisKey(1)
			if _, err := All(context.Background(), tt.opts, built(), []*finding.Finding{f}); tt.reason != "" && (err == nil || f.StatusReason != "") {
				t.Errorf("All went on: %v, %s", err, f.StatusReason)
			}
		})
	}
}

func TestARuleOfTheUserHasItsOwnProbe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.toml")
	text := `
[[rule]]
id = "acme"
issuer = "acme"
literals = ["acme_pat_"]
environments = { acme_pat_ = "production" }
[rule.probe]
production = "https://api.acme.example/me"
header = "X-Api-Key"
sources = ["https://acme.example/docs"]
message = ["error"]
[[rule.probe.answers]]
status = "200"
fields = ["id"]
verdict = "active"
code = "accepted"
[[rule.probe.answers]]
status = "401"
fields = ["error"]
says = ["Bad key"]
source = "https://acme.example/docs"
verdict = "inactive"
code = "not_recognised"
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := rules.Load([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	acme := func() *finding.Finding {
		return &finding.Finding{
			Secret: finding.NewSecret("acme_pat_", body(30, 1)), RuleID: "acme", Issuer: "acme", Confidence: finding.High,
			IssuerStrength: finding.StrengthShape, Environment: finding.Production,
		}
	}
	w := newWorld(t)
	w.opts.Issuers = []string{"acme"}
	seen := 0
	w.host("api.acme.example:443", func(rw http.ResponseWriter, r *http.Request, _ string) {
		if seen++; r.Header.Get("X-Api-Key") == acme().Secret.Reveal() && r.Header.Get("Authorization") == "" {
			answer(rw, 200, `{"id":1}`)
		} else {
			answer(rw, 401, `{"error":"bad key"}`)
		}
	}, nil)
	f := acme()
	if _, err := All(context.Background(), w.opts, set, []*finding.Finding{f}); err != nil || f.Status != finding.Active || seen != 2 {
		t.Errorf("the user's own rule: %v, %v, %s after %d requests", err, f.Status, f.StatusReason, seen)
	}
}

func TestTheDefaultsAreWhatIsDocumented(t *testing.T) {
	var o Options
	o.setDefaults()
	if o.Budget != 100 || o.concurrency != 2 || maxRate != 5 || o.timeout != 10*time.Second || o.Total != time.Minute || len(o.Issuers) != 1 || o.Issuers[0] != "martis" {
		t.Errorf("got %+v", o)
	}
}

// BenchmarkHundredKeys asks about 100 keys at a host that takes 50 ms, with
// the default limits and a real clock.
func BenchmarkHundredKeys(b *testing.B) {
	for b.Loop() {
		w := newWorld(b)
		w.opts.Now, w.opts.sleep = nil, nil
		states := map[string]string{}
		var list []*finding.Finding
		for i := range 100 {
			list = append(list, martisKey(uint64(i)))
			states[list[i].Secret.Reveal()] = []string{"active", "expired"}[i%2]
		}
		faithful := martis(states)
		w.host(martisLive, func(rw http.ResponseWriter, r *http.Request, key string) {
			time.Sleep(50 * time.Millisecond)
			faithful(rw, r, key)
		}, nil)
		w.run(context.Background(), list...)
		keys, made := w.sent(list...)
		b.ReportMetric(float64(keys+made)/float64(len(list)), "requests/key")
		for i, f := range list {
			if want := []finding.Status{finding.Active, finding.Inactive}[i%2]; f.Status != want {
				b.Fatalf("got %v, %s", f.Status, f.StatusReason)
			}
		}
	}
}
