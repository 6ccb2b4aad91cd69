//! The paths of the API, in the form the router takes; commands fill in the names in braces with [`fill`].

/// `GET`: [`super::Health`].
pub const HEALTH: &str = "/healthz";
/// `GET`: [`super::Status`].
pub const STATUS: &str = "/api/v1/status";
/// `GET`: [`super::Diagnosis`].
pub const DOCTOR: &str = "/api/v1/doctor";
/// `POST` [`super::DepositRequest`]: lines of [`super::DepositLine`].
pub const DEPOSITS: &str = "/api/v1/deposits";
/// `GET` with [`super::Filter`]: lines of [`super::FoundRow`].
pub const ITEMS: &str = "/api/v1/items";
/// `GET`: [`super::ShownItem`].
pub const ITEM: &str = "/api/v1/items/{id}";
/// `POST` [`super::ReadingRequest`]: the bytes, with [`super::READING_SIZE`] and [`super::READING_SHA256`].
pub const READING: &str = "/api/v1/items/{id}/reading";
/// `POST` [`super::ClassRequest`]: [`super::ClassAnswer`].
pub const CLASS: &str = "/api/v1/items/{id}/class";
/// `POST` [`super::SecondWord`]: [`super::ClassAnswer`].
pub const CLASS_AGREE: &str = "/api/v1/items/{id}/class/agree";
/// `POST` [`super::SecondWord`]: [`super::ClassAnswer`].
pub const CLASS_DECLINE: &str = "/api/v1/items/{id}/class/decline";
/// `POST` [`super::VerifyRequest`]: lines with one [`super::Verified`].
pub const VERIFY: &str = "/api/v1/verify";
/// `POST`: lines with one [`super::LedgerVerified`].
pub const LEDGER_VERIFY: &str = "/api/v1/ledger/verify";
/// `GET`: [`super::Proof`].
pub const PROOF: &str = "/api/v1/ledger/entries/{index}/proof";
/// `POST` [`super::ReceiptRequest`]: [`super::ReceiptChecked`].
pub const RECEIPT_CHECK: &str = "/api/v1/receipts/check";
/// `GET`: [`super::Keys`].
pub const KEYS: &str = "/api/v1/keys";
/// `POST` [`super::UnlockRequest`]: [`super::CustodyNow`].
pub const UNLOCK: &str = "/api/v1/keys/unlock";
/// `POST`: [`super::CustodyNow`].
pub const LOCK: &str = "/api/v1/keys/lock";
/// `POST` [`super::DrillRequest`]: [`super::Drilled`].
pub const DRILL: &str = "/api/v1/keys/drill";

/// `POST` [`super::BackupRequest`]: lines with one [`super::BackupMade`].
pub const BACKUPS: &str = "/api/v1/backups";
/// `POST` [`super::ConfirmRequest`]: [`super::RestoreConfirmed`].
pub const RESTORE_CONFIRM: &str = "/api/v1/restore/confirm";

/// The path with the name in braces replaced. Values are ids and numbers, which need no escaping.
#[must_use]
pub fn fill(path: &str, value: &dyn std::fmt::Display) -> String {
    match (path.find('{'), path.find('}')) {
        (Some(start), Some(end)) => format!("{}{value}{}", &path[..start], &path[end + 1..]),
        _ => path.to_owned(),
    }
}
