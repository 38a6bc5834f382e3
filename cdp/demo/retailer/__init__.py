"""The demo retailer: one consistent data set of a fictional clothing shop, the same for the same arguments.

`generate(profile, seed, as_of, folder)` writes one Parquet file per table, named after the table, and `expected.json`.
Everything is derived from people, orders and order lines, so the tables agree with each other to the cent. The last
day with data is `as_of`; "the last 90 days" are the 90 days up to and including it, as a dataset refreshed on the day
after sees them. Times are local, without zone. Amounts are in yuan, whole cents. Yes/no tags are 是 and 否.

Tables and columns (VARCHAR unless noted; ids may be null except `user_id`):

ads_user_tag        one row per user
    user_id (= one_id), user_id_2 (= mobile), user_id_3 (= open_id),
    one_id, mobile, mobile_aes, mobile_md5, mobile_sha256, email, union_id, open_id, taobao_id, taobao_nick, alipay_id,
    weibo_id, imei, idfa, imsi, oaid, mac,
    gender, age BIGINT, birthday DATE, city, province, city_tier, occupation, marital, member_level, is_vip,
    push_enabled, interests (parts joined by ","), owned_brands (likewise), signature,
    choco_pref_90d DOUBLE, register_time, last_login_time, last_buy_time TIMESTAMP,
    amount_30d, amount_90d, total_amount, avg_order DOUBLE, total_count BIGINT, discount_share DOUBLE, points BIGINT,
    refund_count BIGINT
ads_item_tag        one row per item
    item_id, item_name, spec, buy_threshold, on_shelf_time TIMESTAMP, season, price DOUBLE, launch_price DOUBLE,
    profit_rate DOUBLE, brand, cat1, cat2, color, material, style (parts joined by ","), sales_90d BIGINT, is_new
ads_trade           one row per order, and one per refund with a negative amount
    order_id, user_id, user_id_2, user_id_3, trade_time TIMESTAMP, trade_amount DOUBLE, channel, store_no,
    item_count BIGINT, is_refund BIGINT (0 or 1)
ads_rfm_customer    one row per buyer, refunds left out
    user_id, user_id_2, user_id_3, last_buy_time TIMESTAMP, total_amount DOUBLE, total_count BIGINT
ads_aipl_customer   one row per user and channel
    user_id, user_id_2, user_id_3, channel, register_time TIMESTAMP, amount_90d DOUBLE,
    login_90d, fav_90d, buy_90d BIGINT
ads_behavior        one row per user, time, type, channel, attribute and value
    user_id, user_id_2, user_id_3, behavior_type, behavior_time TIMESTAMP, behavior_count BIGINT (pieces or times),
    behavior_amount DOUBLE, channel, object_attr, object_value, object_value_id (the item_id where object_attr is 商品)
dim_behavior_type   id BIGINT, behavior_type
dim_channel         id BIGINT, channel
dim_object          id BIGINT, object_attr, object_value
dim_cat1, dim_cat2, dim_brand    id BIGINT, and cat1, cat2 or brand
id_pairs            ids seen together, for joining identities
    id_type_a, id_a, id_type_b, id_b, seen_at TIMESTAMP
omni_tag_pack       mac_md5, imei_md5, idfa_md5, and 40 tags
omni_tags           tag_id (a column of the pack), name, category, value_type
omni_baseline       tag_id, value, share DOUBLE (of everybody in the network)
truth_people        what the tables above don't say, for tests and models
    user_id, person (the same for accounts of one person), persona, taste BIGINT, price_level BIGINT,
    churn_wave BOOLEAN, uses_shared_device BOOLEAN

No identifier can be anybody's: phones begin with 100, which no subscriber has; mail goes to example.com; device numbers
carry test prefixes; names are invented.
"""

from __future__ import annotations

from cdp.demo.retailer.build import Tables, generate
from cdp.demo.retailer.profiles import PROFILES

__all__ = ["PROFILES", "Tables", "generate"]
