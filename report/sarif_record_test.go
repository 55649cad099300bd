package report

// The objects of a SARIF file, to read one back.

type sarifMessage struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name            string            `json:"name"`
	Version         string            `json:"version"`
	SemanticVersion string            `json:"semanticVersion,omitempty"`
	InformationURI  string            `json:"informationUri"`
	Rules           []sarifDescriptor `json:"rules"`
	Notifications   []sarifDescriptor `json:"notifications,omitempty"`
}

// sarifDescriptor is a reportingDescriptor: a rule, or a kind of notification.
type sarifDescriptor struct {
	ID                   string               `json:"id"`
	Name                 string               `json:"name"`
	ShortDescription     sarifMessage         `json:"shortDescription"`
	FullDescription      sarifMessage         `json:"fullDescription"`
	Help                 sarifMessage         `json:"help"`
	HelpURI              string               `json:"helpUri"`
	DefaultConfiguration sarifConfiguration   `json:"defaultConfiguration"`
	Properties           *sarifRuleProperties `json:"properties,omitempty"`
}

type sarifConfiguration struct {
	Level string `json:"level"`
}

// sarifRuleProperties are those that GitHub reads.
type sarifRuleProperties struct {
	Tags             []string `json:"tags"`
	Precision        string   `json:"precision"`
	SecuritySeverity string   `json:"security-severity"`
}

type sarifResult struct {
	RuleID              string                `json:"ruleId"`
	RuleIndex           int                   `json:"ruleIndex"`
	Level               string                `json:"level"`
	Rank                int                   `json:"rank"`
	Message             sarifMessage          `json:"message"`
	Locations           []sarifLocation       `json:"locations"`
	RelatedLocations    []sarifLocation       `json:"relatedLocations,omitempty"`
	OccurrenceCount     int                   `json:"occurrenceCount"`
	PartialFingerprints map[string]string     `json:"partialFingerprints"`
	Provenance          *sarifProvenance      `json:"provenance,omitempty"`
	Suppressions        []sarifSuppression    `json:"suppressions,omitempty"`
	Properties          sarifResultProperties `json:"properties"`
}

// sarifResultProperties have the names of the JSON report.
type sarifResultProperties struct {
	ID               string          `json:"id"`
	Secret           string          `json:"secret"` // redacted
	Issuer           string          `json:"issuer"`
	IssuerEvidence   []string        `json:"issuer_evidence,omitempty"`
	Environment      string          `json:"environment"`
	Confidence       string          `json:"confidence"`
	Severity         string          `json:"severity"`
	SecuritySeverity string          `json:"security-severity"`
	Score            float64         `json:"score"`
	Encoding         []string        `json:"encoding,omitempty"`
	Status           string          `json:"status"`
	StatusReason     string          `json:"status_reason,omitempty"`
	CheckedAt        *string         `json:"checked_at,omitempty"`
	FirstSeen        *sightingRecord `json:"first_seen,omitempty"`
	LastSeen         *sightingRecord `json:"last_seen,omitempty"`
	ExposedDays      *int64          `json:"exposed_days,omitempty"`
	InHead           bool            `json:"in_head"`
}

type sarifLocation struct {
	ID               int                    `json:"id,omitempty"` // from 1, in relatedLocations
	PhysicalLocation sarifPhysicalLocation  `json:"physicalLocation"`
	LogicalLocations []sarifLogicalLocation `json:"logicalLocations,omitempty"`
	Message          *sarifMessage          `json:"message,omitempty"`
	Properties       sarifPlaceProperties   `json:"properties"`
}

type sarifPhysicalLocation struct {
	ArtifactLocation sarifArtifactLocation `json:"artifactLocation"`
	Region           sarifRegion           `json:"region"`
}

type sarifArtifactLocation struct {
	URI         string        `json:"uri,omitempty"`
	URIBaseID   string        `json:"uriBaseId,omitempty"`
	Description *sarifMessage `json:"description,omitempty"`
}

// sarifRegion is 1-based; columns are UTF-16 units, and endColumn is the first
// one after the key.
type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn"`
	EndLine     int `json:"endLine"`
	EndColumn   int `json:"endColumn"`
}

type sarifLogicalLocation struct {
	Name               string `json:"name"`
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind"`
}

type sarifPlaceProperties struct {
	Source    string  `json:"source,omitempty"`
	Object    string  `json:"object,omitempty"`
	Versions  int     `json:"versions,omitempty"`
	Commit    string  `json:"commit,omitempty"`
	Date      *string `json:"date,omitempty"`
	Reachable *bool   `json:"reachable,omitempty"` // of what a database holds
	InHead    *bool   `json:"in_head,omitempty"`   // likewise
}

type sarifProvenance struct {
	FirstDetectionTimeUTC string `json:"firstDetectionTimeUtc"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification,omitempty"`
}

type sarifInvocation struct {
	ExecutionSuccessful bool                `json:"executionSuccessful"`
	ExitCode            int                 `json:"exitCode"`
	ExitCodeDescription string              `json:"exitCodeDescription"`
	StartTimeUTC        *string             `json:"startTimeUtc,omitempty"`
	EndTimeUTC          *string             `json:"endTimeUtc,omitempty"`
	Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Descriptor sarifReference `json:"descriptor"`
	Level      string         `json:"level"`
	Message    sarifMessage   `json:"message"`
}

type sarifReference struct {
	ID    string `json:"id"`
	Index int    `json:"index"`
}

type sarifAutomation struct {
	ID string `json:"id"`
}

// sarifRunProperties have the names of the JSON report's scan and summary.
type sarifRunProperties struct {
	RulesSHA256 string `json:"rules_sha256,omitempty"`
	Complete    bool   `json:"complete"`
	Files       *int64 `json:"files,omitempty"`
	Objects     *int64 `json:"objects,omitempty"`
	Blobs       *int64 `json:"blobs,omitempty"`
	Commits     *int64 `json:"commits,omitempty"`
	Refs        *int64 `json:"refs,omitempty"`
	Bytes       int64  `json:"bytes"`
	Findings    int    `json:"findings"` // also those left out of the file
	Suppressed  int    `json:"suppressed"`
	Below       int    `json:"below"`
	Rejected    int    `json:"rejected"`
}
