"""Says of every call and command whether it links modalities, and what the audit log has of it."""

from __future__ import annotations

ASKING = {
    "search": "search",
    "explain": "search",
    "calibrate": "search",
    "similarity": "search",
    "index": "search",
    "check_index": "search",
    "attention": "search",
    "prompt": "measure",
    "evaluate": "measure",
    "few_shot": "measure",
    "robustness": "measure",
    "tune": "measure",
    "monitor": "measure",
    "report": "measure",
    "check_report": "measure",
    "propagate": "propagate",
    "export": "export",
}
"""Calls that link modalities, and the purpose for which they ask; each is tried below."""

LOGGED_BESIDES = {"check", "extract", "train", "attach", "extend", "forget"}
"""Calls that link no pair, and yet are in the audit log."""

LINKING_NOTHING = {
    *LOGGED_BESIDES,
    *("preview", "verify", "save_pretrained", "audit", "verify_audit"),
    *("align", "aligner", "embed", "embedding_parts", "encode", "features", "renew_features"),
    *(
        "changing_space",
        "forgotten",
        "check_modality",
        "check_query",
        "close",
        "concepts",
        "manifest",
    ),
    *("max_unusable", "notices", "notices_from", "open_space", "say", "sources", "space"),
    *("whole_manifest", "check_vectors", "damaged", "fingerprint", "label_texts", "modalities"),
    *("project", "records", "strengths", "unseen", "unserved", "usable", "vector_key"),
    *("encode_document", "encode_query", "model_card_data", "set_evaluation_metrics"),
    *("read_anew", "similarity_fn_name"),
}
"""Calls of one modality, or of none: vectors they give are in the caller's hands."""

NO_COMMANDS = {"similarity", "check-index", "attention", "check-report"}
COMMANDS = {name.replace("_", "-") for name in ASKING} - NO_COMMANDS
COMMANDS_LINKING_NOTHING = LOGGED_BESIDES | {"audit", "demo", "verify", "preview", "plugins"}
# what `serve` links is tried in tests/app/serve/test_policy.py
COMMANDS_LINKING_NOTHING |= {"serve"}
