//! AES in the modes of Web Crypto. GCM is put together from `ghash` and `ctr` here, as Web Crypto takes nonces and tags
//! of lengths that the crate `aes-gcm` fixes at compile time.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::consts::U16;
use aes::cipher::{
    Block, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt,
    BlockSizeUser, InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper,
};
use aes::{Aes128, Aes192, Aes256};
use aes_kw::AesKw;
use ctr::CtrCore;
use ctr::flavors::{Ctr32BE, Ctr128BE, CtrFlavor};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use rquickjs::{Ctx, Function, Object, Result, TypedArray};
use subtle::ConstantTimeEq;

use crate::web::bytes::{self, Bytes};

const BLOCK: usize = 16;

pub(super) fn install<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> Result<()> {
    natives.set("aesCbc", Function::new(ctx.clone(), cbc)?)?;
    natives.set("aesCtr", Function::new(ctx.clone(), counter)?)?;
    natives.set("aesGcm", Function::new(ctx.clone(), gcm)?)?;
    natives.set("aesKw", Function::new(ctx.clone(), key_wrap)?)
}

/// What is done with AES under a key of any of its lengths.
trait Mode {
    fn apply<C>(self, cipher: C) -> Option<Vec<u8>>
    where
        C: BlockCipherEncrypt + BlockCipherDecrypt + BlockSizeUser<BlockSize = U16> + Clone;
}

fn under<'js>(ctx: &Ctx<'js>, key: &[u8], mode: impl Mode) -> Result<Option<TypedArray<'js, u8>>> {
    let output = match key.len() {
        16 => Aes128::new_from_slice(key)
            .ok()
            .and_then(|cipher| mode.apply(cipher)),
        24 => Aes192::new_from_slice(key)
            .ok()
            .and_then(|cipher| mode.apply(cipher)),
        32 => Aes256::new_from_slice(key)
            .ok()
            .and_then(|cipher| mode.apply(cipher)),
        _ => None,
    };
    output.map(|output| bytes::array(ctx, output)).transpose()
}

struct Cbc<'a> {
    encrypts: bool,
    iv: &'a [u8],
    data: &'a [u8],
}

impl Mode for Cbc<'_> {
    fn apply<C>(self, cipher: C) -> Option<Vec<u8>>
    where
        C: BlockCipherEncrypt + BlockCipherDecrypt + BlockSizeUser<BlockSize = U16> + Clone,
    {
        if self.encrypts {
            let mode = cbc::Encryptor::inner_iv_slice_init(cipher, self.iv).ok()?;
            Some(mode.encrypt_padded_vec::<Pkcs7>(self.data))
        } else {
            let mode = cbc::Decryptor::inner_iv_slice_init(cipher, self.iv).ok()?;
            mode.decrypt_padded_vec::<Pkcs7>(self.data).ok()
        }
    }
}

fn cbc<'js>(
    ctx: Ctx<'js>,
    encrypts: bool,
    key: Bytes<'js>,
    iv: Bytes<'js>,
    data: Bytes<'js>,
) -> Result<Option<TypedArray<'js, u8>>> {
    under(
        &ctx,
        &key,
        Cbc {
            encrypts,
            iv: &iv,
            data: &data,
        },
    )
}

struct Counter<'a> {
    block: [u8; BLOCK],
    /// How many bits at the end of the block count.
    bits: u32,
    data: &'a [u8],
}

impl Mode for Counter<'_> {
    fn apply<C>(self, cipher: C) -> Option<Vec<u8>>
    where
        C: BlockCipherEncrypt + BlockCipherDecrypt + BlockSizeUser<BlockSize = U16> + Clone,
    {
        let mask = if self.bits == 128 {
            u128::MAX
        } else {
            (1 << self.bits) - 1
        };
        let start = u128::from_be_bytes(self.block);
        let blocks = self.data.len().div_ceil(BLOCK) as u128;
        if blocks.checked_sub(1).is_some_and(|last| last > mask) {
            return None;
        }
        // The counter starts at zero again after its last value; the bits before it stay.
        let before_zero = (mask - (start & mask)).saturating_add(1);
        let cut = usize::try_from(before_zero).map_or(self.data.len(), |blocks| {
            blocks.saturating_mul(BLOCK).min(self.data.len())
        });
        let mut output = self.data.to_vec();
        let (first, second) = output.split_at_mut(cut);
        keystream::<_, Ctr128BE>(cipher.clone(), &start.to_be_bytes()).apply_keystream(first);
        keystream::<_, Ctr128BE>(cipher, &(start & !mask).to_be_bytes()).apply_keystream(second);
        Some(output)
    }
}

/// What a cipher makes of a counter that starts at `block` and counts as `F` says.
fn keystream<C, F>(cipher: C, block: &[u8; BLOCK]) -> StreamCipherCoreWrapper<CtrCore<C, F>>
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
    F: CtrFlavor<U16>,
{
    StreamCipherCoreWrapper::from_core(CtrCore::inner_iv_init(cipher, block.into()))
}

fn counter<'js>(
    ctx: Ctx<'js>,
    key: Bytes<'js>,
    block: Bytes<'js>,
    bits: u32,
    data: Bytes<'js>,
) -> Result<Option<TypedArray<'js, u8>>> {
    match <[u8; BLOCK]>::try_from(&*block) {
        Ok(block) if (1..=128).contains(&bits) => under(
            &ctx,
            &key,
            Counter {
                block,
                bits,
                data: &data,
            },
        ),
        _ => Ok(None),
    }
}

struct Gcm<'a> {
    encrypts: bool,
    nonce: &'a [u8],
    associated: &'a [u8],
    tag_length: usize,
    data: &'a [u8],
}

impl Mode for Gcm<'_> {
    fn apply<C>(self, cipher: C) -> Option<Vec<u8>>
    where
        C: BlockCipherEncrypt + BlockCipherDecrypt + BlockSizeUser<BlockSize = U16> + Clone,
    {
        let mut key = ghash::Key::default();
        cipher.encrypt_block(&mut key);
        let hash = GHash::new(&key);
        let start = first_counter(&hash, self.nonce);
        let mut stream = keystream::<_, Ctr32BE>(cipher, &start.into());
        let mut mask = Block::<C>::default();
        stream.apply_keystream(&mut mask);
        if self.encrypts {
            let mut output = self.data.to_vec();
            stream.apply_keystream(&mut output);
            let tag = tag(hash, self.associated, &output, &mask);
            output.extend_from_slice(&tag[..self.tag_length]);
            Some(output)
        } else {
            let (text, given) = self
                .data
                .split_at_checked(self.data.len().checked_sub(self.tag_length)?)?;
            let tag = tag(hash, self.associated, text, &mask);
            bool::from(tag[..self.tag_length].ct_eq(given)).then(|| {
                let mut output = text.to_vec();
                stream.apply_keystream(&mut output);
                output
            })
        }
    }
}

/// The block that the counter starts from (SP 800-38D, section 7.1, step 2).
fn first_counter(hash: &GHash, nonce: &[u8]) -> ghash::Block {
    if nonce.len() == 12 {
        let mut block = ghash::Block::default();
        block[..12].copy_from_slice(nonce);
        block[15] = 1;
        return block;
    }
    let mut hash = hash.clone();
    hash.update_padded(nonce);
    hash.update(&[lengths(0, nonce.len())]);
    hash.finalize()
}

fn tag(mut hash: GHash, associated: &[u8], text: &[u8], mask: &[u8]) -> [u8; BLOCK] {
    hash.update_padded(associated);
    hash.update_padded(text);
    hash.update(&[lengths(associated.len(), text.len())]);
    let mut tag: [u8; BLOCK] = hash.finalize().into();
    for (byte, mask) in tag.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    tag
}

/// Two lengths in bits, as GHASH ends with them.
fn lengths(first: usize, second: usize) -> ghash::Block {
    let mut block = ghash::Block::default();
    block[..8].copy_from_slice(&(first as u64 * 8).to_be_bytes());
    block[8..].copy_from_slice(&(second as u64 * 8).to_be_bytes());
    block
}

fn gcm<'js>(
    ctx: Ctx<'js>,
    encrypts: bool,
    key: Bytes<'js>,
    nonce: Bytes<'js>,
    associated: Bytes<'js>,
    tag_length: usize,
    data: Bytes<'js>,
) -> Result<Option<TypedArray<'js, u8>>> {
    if tag_length > BLOCK {
        return Ok(None);
    }
    under(
        &ctx,
        &key,
        Gcm {
            encrypts,
            nonce: &nonce,
            associated: &associated,
            tag_length,
            data: &data,
        },
    )
}

struct KeyWrap<'a> {
    wraps: bool,
    data: &'a [u8],
}

impl Mode for KeyWrap<'_> {
    fn apply<C>(self, cipher: C) -> Option<Vec<u8>>
    where
        C: BlockCipherEncrypt + BlockCipherDecrypt + BlockSizeUser<BlockSize = U16> + Clone,
    {
        let wrap = <AesKw<C> as aes::cipher::common::InnerInit>::inner_init(cipher);
        let mut buffer = vec![0; self.data.len() + 8];
        let output = if self.wraps {
            wrap.wrap_key(self.data, &mut buffer)
        } else {
            wrap.unwrap_key(self.data, &mut buffer)
        };
        output.ok().map(<[u8]>::to_vec)
    }
}

/// Wraps or unwraps keys of at least two blocks of eight bytes, as RFC 3394 defines it.
fn key_wrap<'js>(
    ctx: Ctx<'js>,
    wraps: bool,
    key: Bytes<'js>,
    data: Bytes<'js>,
) -> Result<Option<TypedArray<'js, u8>>> {
    if data.len() < if wraps { 16 } else { 24 } {
        return Ok(None);
    }
    under(&ctx, &key, KeyWrap { wraps, data: &data })
}
