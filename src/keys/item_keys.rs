//! Key files: sealing an item key, adding a layer, checking what others wrote.

use super::layer::{Binding, Place, wrap};
use super::{Certificates, Error, Keyring, Role};
use crate::model::{Domain, Generation, ItemId, KeyId};
use crate::seal::{ItemKey, KeyFile, Layer};
use crate::sys::Entropy;

/// What sealing an item key takes.
pub struct SealRequest<'a> {
    /// The key.
    pub key: &'a ItemKey,
    /// Whose.
    pub item: ItemId,
    /// Every domain that must be opened, in layer order.
    pub domains: &'a [Domain],
    /// Which generation the file will be.
    pub generation: Generation,
    /// The key commitment in the header of the sealed file.
    pub commitment: [u8; 32],
    /// Where the encapsulations come from.
    pub entropy: &'a dyn Entropy,
}

impl Keyring {
    /// Seals an item key to the newest key of each domain, one layer around the other, and to the escrow
    /// key. Needs public keys only (P5).
    ///
    /// # Errors
    /// [`Error::BadDomains`] where there is none, or one twice.
    pub fn seal_item_key(&self, request: &SealRequest<'_>) -> Result<KeyFile, Error> {
        let (escrow_key, escrow_recipient) = self.recipient(Role::Escrow);
        let mut file = KeyFile {
            archive: self.archive(),
            item: request.item,
            generation: request.generation,
            commitment: request.commitment,
            layers: Vec::new(),
            onion: Vec::new(),
            escrow_key,
            escrow: Vec::new(),
            signer: self.signer(),
            signature: [0; 64],
        };
        let secret = request.key.expose();
        let binding = Binding::of(&file, escrow_key, Place::Escrow);
        file.escrow = wrap(escrow_recipient, binding, secret, request.entropy);
        let (innermost, others) =
            request.domains.split_first().ok_or(Error::BadDomains { what: "none was named" })?;
        // The item key itself never stands in the file being built, where it would not be wiped.
        self.put_layer(&mut file, *innermost, Content { bytes: secret, entropy: request.entropy })?;
        for domain in others {
            self.put_layer_around(&mut file, *domain, request.entropy)?;
        }
        self.sign_key_file(&mut file);
        Ok(file)
    }

    /// The next generation of a key file, with a further layer around its onion for each of these domains:
    /// raising a class. Needs public keys only.
    ///
    /// # Errors
    /// What [`Certificates::verify_key_file`] refuses; [`Error::BadDomains`] where it has a domain already.
    pub fn raise(
        &self,
        file: &KeyFile,
        domains: &[Domain],
        entropy: &dyn Entropy,
    ) -> Result<KeyFile, Error> {
        self.verify_key_file(file)?;
        let mut raised =
            KeyFile { generation: file.generation.next(), signer: self.signer(), ..file.clone() };
        for domain in domains {
            self.put_layer_around(&mut raised, *domain, entropy)?;
        }
        self.sign_key_file(&mut raised);
        Ok(raised)
    }

    fn put_layer_around(
        &self,
        file: &mut KeyFile,
        domain: Domain,
        entropy: &dyn Entropy,
    ) -> Result<(), Error> {
        let inner = std::mem::take(&mut file.onion);
        self.put_layer(file, domain, Content { bytes: &inner, entropy })
    }

    fn put_layer(&self, file: &mut KeyFile, domain: Domain, content: Content<'_>) -> Result<(), Error> {
        let (key, recipient) = self.recipient(Role::Domain(domain));
        let depth = u8::try_from(file.layers.len()).expect("no domain twice, so 4 layers at most");
        file.layers.push(Layer { domain, key });
        check_domains(&file.layers)?;
        let binding = Binding::of(file, key, Place::Onion { domain, depth });
        file.onion = wrap(recipient, binding, content.bytes, content.entropy);
        Ok(())
    }

    fn sign_key_file(&self, file: &mut KeyFile) {
        file.signature = self.sign(&file.signed_bytes());
    }
}

impl Certificates {
    /// Whether a key file is one of this archive's: signed by a certified node key, every layer and the
    /// escrow copy sealed to keys certified for that use.
    ///
    /// # Errors
    /// [`Error::WrongArchive`], [`Error::NotCertified`], [`Error::AlteredKeyFile`], [`Error::BadDomains`].
    pub fn verify_key_file(&self, file: &KeyFile) -> Result<(), Error> {
        if file.archive != self.archive() {
            return Err(Error::WrongArchive { wanted: self.archive(), found: file.archive });
        }
        self.certified(Role::Node, file.signer)?;
        if !self.verify(file.signer, &file.signed_bytes(), &file.signature) {
            return Err(Error::AlteredKeyFile { item: file.item });
        }
        check_domains(&file.layers)?;
        for layer in &file.layers {
            self.certified(Role::Domain(layer.domain), layer.key)?;
        }
        self.certified(Role::Escrow, file.escrow_key).map(drop)
    }
}

/// What a layer is put around.
#[derive(Clone, Copy)]
struct Content<'a> {
    bytes: &'a [u8],
    entropy: &'a dyn Entropy,
}

impl Binding<'_> {
    /// The binding of a part of this key file.
    pub(super) fn of(file: &KeyFile, key: KeyId, place: Place) -> Binding<'_> {
        Binding { archive: file.archive, item: file.item, commitment: &file.commitment, key, place }
    }
}

fn check_domains(layers: &[Layer]) -> Result<(), Error> {
    if layers.is_empty() {
        return Err(Error::BadDomains { what: "none was named" });
    }
    let twice = |place: usize| layers[..place].iter().any(|before| before.domain == layers[place].domain);
    if (0..layers.len()).any(twice) {
        return Err(Error::BadDomains { what: "a domain was named twice" });
    }
    Ok(())
}
