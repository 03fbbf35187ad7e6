//! Countries: ISO 3166-1, and the few more that ICAO Doc 9303 part 3 section 5 prints on passports.
//!
//! A country is kept as alpha-3, whichever form came in: `US` and `USA` must not make two people.

/// ISO 3166-1 (2023): alpha-2 and alpha-3 of each entry, run together.
const ISO_3166: &str = "\
    ADAND AEARE AFAFG AGATG AIAIA ALALB AMARM AOAGO AQATA ARARG ASASM ATAUT AUAUS AWABW \
    AXALA AZAZE BABIH BBBRB BDBGD BEBEL BFBFA BGBGR BHBHR BIBDI BJBEN BLBLM BMBMU BNBRN \
    BOBOL BQBES BRBRA BSBHS BTBTN BVBVT BWBWA BYBLR BZBLZ CACAN CCCCK CDCOD CFCAF CGCOG \
    CHCHE CICIV CKCOK CLCHL CMCMR CNCHN COCOL CRCRI CUCUB CVCPV CWCUW CXCXR CYCYP CZCZE \
    DEDEU DJDJI DKDNK DMDMA DODOM DZDZA ECECU EEEST EGEGY EHESH ERERI ESESP ETETH FIFIN \
    FJFJI FKFLK FMFSM FOFRO FRFRA GAGAB GBGBR GDGRD GEGEO GFGUF GGGGY GHGHA GIGIB GLGRL \
    GMGMB GNGIN GPGLP GQGNQ GRGRC GSSGS GTGTM GUGUM GWGNB GYGUY HKHKG HMHMD HNHND HRHRV \
    HTHTI HUHUN IDIDN IEIRL ILISR IMIMN ININD IOIOT IQIRQ IRIRN ISISL ITITA JEJEY JMJAM \
    JOJOR JPJPN KEKEN KGKGZ KHKHM KIKIR KMCOM KNKNA KPPRK KRKOR KWKWT KYCYM KZKAZ LALAO \
    LBLBN LCLCA LILIE LKLKA LRLBR LSLSO LTLTU LULUX LVLVA LYLBY MAMAR MCMCO MDMDA MEMNE \
    MFMAF MGMDG MHMHL MKMKD MLMLI MMMMR MNMNG MOMAC MPMNP MQMTQ MRMRT MSMSR MTMLT MUMUS \
    MVMDV MWMWI MXMEX MYMYS MZMOZ NANAM NCNCL NENER NFNFK NGNGA NINIC NLNLD NONOR NPNPL \
    NRNRU NUNIU NZNZL OMOMN PAPAN PEPER PFPYF PGPNG PHPHL PKPAK PLPOL PMSPM PNPCN PRPRI \
    PSPSE PTPRT PWPLW PYPRY QAQAT REREU ROROU RSSRB RURUS RWRWA SASAU SBSLB SCSYC SDSDN \
    SESWE SGSGP SHSHN SISVN SJSJM SKSVK SLSLE SMSMR SNSEN SOSOM SRSUR SSSSD STSTP SVSLV \
    SXSXM SYSYR SZSWZ TCTCA TDTCD TFATF TGTGO THTHA TJTJK TKTKL TLTLS TMTKM TNTUN TOTON \
    TRTUR TTTTO TVTUV TWTWN TZTZA UAUKR UGUGA UMUMI USUSA UYURY UZUZB VAVAT VCVCT VEVEN \
    VGVGB VIVIR VNVNM VUVUT WFWLF WSWSM YEYEM YTMYT ZAZAF ZMZMB ZWZWE";

/// What passports carry beside ISO 3166-1: Germany's single letter, British nationality classes,
/// Kosovo, the United Nations, the European Union, Interpol, the Order of Malta, stateless persons
/// and refugees.
const ICAO: [&str; 18] = [
    "D", "GBD", "GBN", "GBO", "GBP", "GBS", "RKS", "EUE", "UNO", "UNA", "UNK", "XPO", "XOM", "XXA",
    "XXB", "XXC", "XXX", "XKX",
];

/// The alpha-3 code of a country given as alpha-2 or alpha-3, in any case; `None` when there is no
/// such country.
///
/// ```
/// use fivefold::subject::country::alpha3;
/// assert_eq!(alpha3("cn"), Some("CHN"));
/// assert_eq!(alpha3("CHN"), Some("CHN"));
/// assert_eq!(alpha3("ZZ"), None);
/// ```
pub fn alpha3(code: &str) -> Option<&'static str> {
    let iso = ISO_3166.split(' ').find_map(|pair| {
        let (two, three) = pair.split_at_checked(2)?;
        (two.eq_ignore_ascii_case(code) || three.eq_ignore_ascii_case(code)).then_some(three)
    });
    let icao = || ICAO.into_iter().find(|icao| icao.eq_ignore_ascii_case(code));
    match iso.or_else(icao)? {
        "D" => Some("DEU"),
        "XKX" => Some("RKS"),
        found => Some(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_two_and_three_capitals_and_none_comes_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for pair in ISO_3166.split(' ') {
            assert_eq!(pair.len(), 5);
            assert!(pair.bytes().all(|b| b.is_ascii_uppercase()));
            assert!(seen.insert(&pair[..2]) && seen.insert(&pair[2..]));
        }
        assert_eq!(seen.len(), 2 * 249);
    }

    #[test]
    fn both_lengths_and_the_passport_forms_lead_to_one_code() {
        for (given, kept) in [("US", "USA"), ("usa", "USA"), ("D", "DEU"), ("DE", "DEU")] {
            assert_eq!(alpha3(given), Some(kept));
        }
        for wrong in ["", "C", "ZZ", "ZZZ", "CHNX", "中国"] {
            assert_eq!(alpha3(wrong), None);
        }
    }
}
