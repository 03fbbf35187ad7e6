//! The tables, as diesel sees them; `migrations/` says what the columns mean.
#![allow(missing_docs, reason = "the columns are documented in migrations/")]

diesel::table! {
    log_head (id) {
        id -> BigInt,
        size -> BigInt,
        frontier -> Binary,
        at_us -> BigInt,
        batch -> Text,
        origin -> Text,
    }
}

diesel::table! {
    entries (idx) {
        idx -> BigInt,
        leaf -> Binary,
    }
}

diesel::table! {
    bodies (idx) {
        idx -> BigInt,
        kind -> Text,
        at_us -> BigInt,
        period -> Text,
        person -> Nullable<Text>,
        record -> Binary,
        personal -> Binary,
    }
}

diesel::table! {
    checkpoints (size) {
        size -> BigInt,
        note -> Text,
        at_us -> BigInt,
    }
}

diesel::table! {
    partners (id) {
        id -> Text,
        name -> Text,
        sector -> Text,
        roles -> Text,
        scenarios -> Text,
        suspended -> Bool,
        created_us -> BigInt,
        country -> Text,
        export_basis -> Nullable<Text>,
        quota -> Nullable<Text>,
        delivery -> Nullable<Text>,
        kind -> Text,
        resumed_us -> Nullable<BigInt>,
    }
}

diesel::table! {
    applications (id) {
        id -> Text,
        keyid -> Text,
        jwk -> Text,
        name -> Text,
        sector -> Text,
        country -> Text,
        scenario -> Text,
        licence -> Text,
        state -> Text,
        reason -> Text,
        partner -> Nullable<Text>,
        at_us -> BigInt,
        decided_us -> Nullable<BigInt>,
        idx -> BigInt,
    }
}

diesel::table! {
    conduct (idx) {
        idx -> BigInt,
        partner -> Text,
        kind -> Text,
        points -> BigInt,
        at_us -> BigInt,
    }
}

diesel::table! {
    partner_keys (thumbprint) {
        thumbprint -> Text,
        partner -> Text,
        jwk -> Text,
        added_us -> BigInt,
        retired_us -> Nullable<BigInt>,
    }
}

diesel::table! {
    staff (name) {
        name -> Text,
        roles -> Text,
        jwk -> Nullable<Text>,
        since_us -> BigInt,
        left_us -> Nullable<BigInt>,
    }
}

diesel::table! {
    alerts (idx) {
        idx -> BigInt,
        kind -> Text,
        partner -> Text,
        at_us -> BigInt,
    }
}

diesel::table! {
    persons (id) {
        id -> Text,
        residence -> Text,
        birth_us -> Nullable<BigInt>,
        vault -> Binary,
        merged_into -> Nullable<Text>,
        created_us -> BigInt,
        idx -> BigInt,
        erased_idx -> Nullable<BigInt>,
        erased_us -> Nullable<BigInt>,
        held_idx -> Nullable<BigInt>,
    }
}

diesel::table! {
    lookups (hmac) {
        hmac -> Binary,
        person -> Text,
        name_hmac -> Binary,
    }
}

diesel::table! {
    pairwise (id) {
        id -> Text,
        partner -> Text,
        person -> Text,
        mismatch -> Bool,
        level -> BigInt,
        created_us -> BigInt,
        ambiguous -> Bool,
    }
}

diesel::table! {
    person_keys (thumbprint) {
        thumbprint -> Text,
        person -> Text,
        jwk -> Text,
        added_us -> BigInt,
        retired_us -> Nullable<BigInt>,
    }
}

diesel::table! {
    mandates (id) {
        id -> Text,
        person -> Text,
        agent -> Text,
        acts -> Text,
        expires_us -> BigInt,
        revoked_us -> Nullable<BigInt>,
    }
}

diesel::table! {
    resolutions (idx) {
        idx -> BigInt,
        kind -> Text,
        person -> Text,
        other -> Text,
    }
}

diesel::table! {
    consents (id) {
        id -> Text,
        person -> Text,
        subject -> Text,
        recipient -> Text,
        purpose -> Text,
        scenario -> Nullable<Text>,
        fetch -> Text,
        categories -> Text,
        dimensions -> Text,
        valid_from_us -> BigInt,
        expires_us -> BigInt,
        revoked_us -> Nullable<BigInt>,
        revoked_idx -> Nullable<BigInt>,
        used_us -> Nullable<BigInt>,
        data_life_days -> Nullable<BigInt>,
        frequency -> Nullable<BigInt>,
        uses -> BigInt,
        narrowed -> Bool,
        statement -> Nullable<Binary>,
        artefact -> Binary,
        idx -> BigInt,
    }
}

diesel::table! {
    facts (identity) {
        identity -> Binary,
        person -> Text,
        digest -> Binary,
        deleted -> Bool,
        idx -> BigInt,
        furnisher -> Text,
        account -> Nullable<Binary>,
        month -> Nullable<BigInt>,
        ends -> Nullable<BigInt>,
    }
}

diesel::table! {
    monitors (id) {
        id -> Text,
        partner -> Text,
        person -> Text,
        subject -> Text,
        consent -> Text,
        scenario -> Text,
        watch -> Text,
        bands -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        inquiry -> Text,
        opened_us -> BigInt,
        ended_us -> Nullable<BigInt>,
        opened_idx -> BigInt,
        idx -> BigInt,
    }
}

diesel::table! {
    data_requests (id) {
        id -> Text,
        furnisher -> Text,
        person -> Text,
        account -> Binary,
        from_month -> BigInt,
        until_month -> BigInt,
        state -> Text,
        reason -> Nullable<Text>,
        opened_us -> BigInt,
        closed_us -> Nullable<BigInt>,
        opened_idx -> BigInt,
        idx -> BigInt,
    }
}

diesel::table! {
    uploads (id) {
        id -> Text,
        partner -> Text,
        keyid -> Text,
        format -> Text,
        bytes -> BigInt,
        digest -> Binary,
        dry_run -> Bool,
        state -> Text,
        next_line -> BigInt,
        outcome -> Binary,
        spool_key -> Binary,
        created_us -> BigInt,
        updated_us -> BigInt,
        idx -> BigInt,
    }
}

diesel::table! {
    profiles (person) {
        person -> Text,
        sealed -> Binary,
        observations -> BigInt,
        idx -> BigInt,
        until_day -> BigInt,
        purge_day -> BigInt,
    }
}

diesel::table! {
    inquiry_marks (idx) {
        idx -> BigInt,
        person -> Text,
        scenario -> Text,
        at_us -> BigInt,
    }
}

diesel::table! {
    inquiries (id) {
        id -> Text,
        idx -> BigInt,
        asker -> Text,
        person -> Nullable<Text>,
        subject -> Text,
        scenario -> Text,
        at_us -> BigInt,
        expires_us -> BigInt,
        answer -> Binary,
        threshold -> Nullable<BigInt>,
    }
}

diesel::table! {
    inquiry_outcomes (inquiry) {
        inquiry -> Text,
        idx -> BigInt,
        decision -> Text,
        at_us -> BigInt,
    }
}

diesel::table! {
    freezes (id) {
        id -> Text,
        person -> Text,
        placed_us -> BigInt,
        lifted_us -> Nullable<BigInt>,
        kind -> Text,
        until_us -> Nullable<BigInt>,
    }
}

diesel::table! {
    nonces (nonce, keyid) {
        keyid -> Text,
        nonce -> Text,
        until_us -> BigInt,
    }
}

diesel::table! {
    idempotency (key, principal) {
        principal -> Text,
        key -> Text,
        request -> Binary,
        verdict -> Text,
        body -> Binary,
        person -> Nullable<Text>,
        idx -> BigInt,
        at_us -> BigInt,
    }
}

diesel::table! {
    artefacts (digest) {
        digest -> Text,
        kind -> Text,
        name -> Text,
        content -> Text,
        since_us -> BigInt,
        idx -> BigInt,
    }
}

diesel::table! {
    models (digest) {
        digest -> Text,
        role -> Text,
        standing -> Text,
        idx -> BigInt,
    }
}

diesel::table! {
    batches (id) {
        id -> Text,
        at_us -> BigInt,
    }
}

diesel::table! {
    matters (id) {
        id -> Text,
        kind -> Text,
        person -> Text,
        state -> Text,
        placed_us -> BigInt,
        due_us -> Nullable<BigInt>,
        closed_us -> Nullable<BigInt>,
        opened_idx -> BigInt,
        sealed -> Binary,
        idx -> BigInt,
        reminded_idx -> Nullable<BigInt>,
    }
}

diesel::table! {
    contested (id) {
        id -> Text,
        dispute -> Text,
        person -> Text,
        observation -> BigInt,
        furnisher -> Text,
        state -> Text,
        withheld -> Bool,
        from_idx -> BigInt,
        to_idx -> Nullable<BigInt>,
    }
}

diesel::table! {
    barred (id) {
        id -> Binary,
        identity -> Binary,
        reason -> Text,
        idx -> BigInt,
        lifted_idx -> Nullable<BigInt>,
        member -> Nullable<Text>,
    }
}

diesel::table! {
    events (id) {
        id -> BigInt,
        recipient -> Text,
        kind -> Text,
        person -> Nullable<Text>,
        period -> Text,
        body -> Binary,
        idx -> BigInt,
        at_us -> BigInt,
    }
}

diesel::table! {
    keys (name) {
        name -> Text,
        wrapped -> Binary,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    log_head,
    entries,
    bodies,
    checkpoints,
    partners,
    partner_keys,
    applications,
    conduct,
    staff,
    alerts,
    persons,
    lookups,
    pairwise,
    person_keys,
    mandates,
    resolutions,
    consents,
    facts,
    data_requests,
    monitors,
    profiles,
    inquiry_marks,
    inquiries,
    inquiry_outcomes,
    freezes,
    nonces,
    idempotency,
    matters,
    contested,
    barred,
    events,
    artefacts,
    models,
    webhooks,
    dead_letters
);

diesel::table! {
    webhooks (partner) {
        partner -> Text,
        url -> Text,
        idx -> BigInt,
        sent -> BigInt,
        attempts -> BigInt,
        next_us -> BigInt,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    dead_letters (partner, first_event) {
        partner -> Text,
        first_event -> BigInt,
        last_event -> BigInt,
        error -> Text,
        at_us -> BigInt,
    }
}
