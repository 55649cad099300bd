package report

// The findings of a JSON report, to read one back.

type findingRecord struct {
	ID             string             `json:"id"`
	RuleID         string             `json:"rule_id"`
	Issuer         string             `json:"issuer"`
	IssuerEvidence []string           `json:"issuer_evidence"`
	IssuerStrength string             `json:"issuer_strength"`
	Environment    string             `json:"environment"`
	Confidence     string             `json:"confidence"`
	Severity       string             `json:"severity"`
	Secret         string             `json:"secret"`
	SecretSHA256   string             `json:"secret_sha256"`
	Length         int                `json:"length"`
	Score          float64            `json:"score"`
	Encoding       []string           `json:"encoding"`
	Status         string             `json:"status"`
	StatusReason   *string            `json:"status_reason"`
	CheckedAt      *string            `json:"checked_at"`
	Suppressed     *suppressionRecord `json:"suppressed"`
	RejectedFor    string             `json:"rejected_for,omitempty"` // only in "rejected"
	FirstSeen      *sightingRecord    `json:"first_seen"`
	LastSeen       *sightingRecord    `json:"last_seen"`
	ExposedDays    *int64             `json:"exposed_days"`
	InHead         bool               `json:"in_head"`
	Advice         []string           `json:"advice"`
	Occurrences    []occurrenceRecord `json:"occurrences"`
}

type suppressionRecord struct {
	Kind    string  `json:"kind"`
	Reason  string  `json:"reason"`
	Owner   *string `json:"owner"`
	Expires *string `json:"expires"`
}

type sightingRecord struct {
	Commit string  `json:"commit"`
	Date   *string `json:"date"`
}

type occurrenceRecord struct {
	Target       string  `json:"target"`
	TargetBase64 string  `json:"target_base64,omitempty"`
	Source       string  `json:"source"`
	Path         *string `json:"path"`
	PathBase64   string  `json:"path_base64,omitempty"`
	Line         *int    `json:"line"`
	Column       *int    `json:"column"`
	EndColumn    *int    `json:"end_column"`
	Object       *string `json:"object"`
	Versions     int     `json:"versions"`
	Commit       *string `json:"commit"`
	Date         *string `json:"date"`
	Reachable    bool    `json:"reachable"`
	InHead       bool    `json:"in_head"`
}
